// Spec 01 §3, §4: the entry `@smpkit/smp-commands/address`.
export { AddressError } from './errors.js'
export { type AddressPolicy, addressPolicy, checkAddresses, isGlobalUnicast } from './global-unicast.js'
export { type Host, host, parseHost } from './hosts.js'
export { withOnionHost } from './known-hosts.js'
export {
  parseQueueUri,
  type QueueAddress,
  type QueueInfo,
  type QueueUri,
  queueAddress,
  queueInfo,
  queueUri,
  queueUriToText,
} from './queue-uri.js'
export {
  defaultPort,
  type ParsedServerAddress,
  parseServerAddress,
  portOf,
  type ServerAddress,
  type ServerScheme,
  sameServer,
  serverAddress,
  serverAddressToText,
  serverKey,
} from './server-address.js'
