export type { AdmissionLimits } from './admission.js'
export type { ChannelOptions } from './block-channel.js'
export { type ConnectOptions, connectSmp, type ServiceCredentials } from './connect.js'
export type { ConnectionOptions } from './connect-blocks.js'
export { SmpTransportError, type SmpTransportErrorCode } from './errors.js'
export {
  type CredentialsPem,
  createServerIdentity,
  createServiceCredentials,
  credentialsFromPem,
  credentialsToPem,
  type RenewableIdentity,
  renewServerIdentity,
  type ServerIdentity,
  type ServerIdentityOptions,
  serverIdentityFromPem,
  signingKeyFromPem,
  signingKeyToPem,
} from './identity.js'
export { type ListenOptions, listenSmp, type SmpServerSocket } from './listen.js'
export type { BlockServer, ConnectionInfo, ListeningOptions } from './listen-blocks.js'
export type { SocksProxy } from './socks.js'
export { connectThroughSocks, type IsolatingProxy, type UserConnectOptions } from './socks-isolation.js'
export type { TlsCredentials } from './tls-options.js'
