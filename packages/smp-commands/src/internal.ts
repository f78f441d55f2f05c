export { type CertChainPubKey, certChainPubKey } from './cert-chain.js'
export {
  type ClientHandshake,
  type ClientHandshakeInput,
  type ClientService,
  clientHandshake,
} from './client-handshake.js'
export {
  type ClientHello,
  clientHello,
  type ServerHello,
  type ServiceHello,
  type ServiceResponse,
  serverHello,
  serviceResponse,
} from './hellos.js'
export { parseQuery, queryToText } from './query.js'
export {
  type ServerHandshake,
  type ServerHandshakeInput,
  type ServerHandshakeResult,
  serverHandshake,
} from './server-handshake.js'
export { withHiddenSecret } from './session.js'
export { joinTransmission, writeBody } from './transmission.js'
