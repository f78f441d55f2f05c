export {
  clientHandshake,
  type NtfClientHandshake,
  type NtfClientHandshakeInput,
  verifyServerKey,
} from './client-handshake.js'
export { type NtfClientHello, type NtfServerHello, ntfClientHello, ntfServerHello } from './hellos.js'
export {
  type NtfServerHandshake,
  type NtfServerHandshakeInput,
  serverHandshake,
} from './server-handshake.js'
