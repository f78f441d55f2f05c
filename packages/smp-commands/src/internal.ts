export { authorizationBy, authorizedBy } from './authorization.js'
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
  readHello,
  type ServerHello,
  type ServiceHello,
  type ServiceResponse,
  serverHello,
  serviceResponse,
} from './hellos.js'
export { parseQuery, queryToText } from './query.js'
export { answerTo } from './receive.js'
export {
  type ServerHandshake,
  type ServerHandshakeInput,
  type ServerHandshakeResult,
  serverHandshake,
} from './server-handshake.js'
export { withHiddenSecret } from './session.js'
export { byVersion, type Params, type TagFormat, tagFormat } from './tags.js'
export { authorizedBytes, joinTransmission, writeBody } from './transmission.js'
