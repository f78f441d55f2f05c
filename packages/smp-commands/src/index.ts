export {
  type AuthorizedCommand,
  type AuthorizedTransmission,
  type Authorizing,
  authorize,
  checkAuthorization,
  checkCommand,
  checkService,
} from './authorization.js'
export {
  blockSize,
  type LargeItem,
  maxTransmissionLength,
  type PackedBlock,
  packBlock,
  packBlocks,
  parseBlock,
} from './batch.js'
export {
  type BrokerMessage,
  type Command,
  type CommandOf,
  type CommandTag,
  commandFormat,
  commands,
  definitionOf,
  type MessageOf,
  type MessageTag,
  messageFormat,
  messages,
} from './commands.js'
export type { CommandDefinition, MessageDefinition } from './definitions.js'
export {
  type BlockedInfo,
  type BrokerError,
  type CommandError,
  cmd,
  type ErrorType,
  errorType,
  errorTypeCode,
  errorTypeFromText,
  errorTypeToText,
  type NameError,
  type NetworkError,
  type ProxyError,
  type TransportError,
} from './error-type.js'
export { AddressError, HandshakeError, ParseError, SmpCommandsError } from './errors.js'
export type { QueueInformation } from './info.js'
export {
  decodeRcvBody,
  decryptMsgBody,
  encodeRcvBody,
  encryptMsgBody,
  type RcvBody,
} from './message-body.js'
export type { NameRecord } from './names.js'
export type { QueueMode, QueueReq } from './new-queue.js'
export { decryptNmsgMeta, encryptNmsgMeta, type NmsgMeta } from './nmsg-meta.js'
export {
  type FwdResponse,
  type FwdTransmission,
  openResponse,
  openTransmission,
  sealResponse,
  sealTransmission,
  unwrapResponse,
  unwrapTransmission,
  wrapResponse,
  wrapTransmission,
} from './proxy-layers.js'
export { type ErrorResponse, type ReceivedMessage, receiveCommand, receiveMessage } from './receive.js'
export { maxMessageLength } from './sending.js'
export type { ServiceQueues } from './services.js'
export type {
  BlockConnection,
  ClientSession,
  ServerSession,
  ServiceRole,
  ServiceSession,
  SmpSession,
} from './session.js'
export {
  type Authorization,
  type AuthorizationKind,
  corrIdLength,
  parseAuthorization,
  parseTransmission,
  plainTransmission,
  type Transmission,
} from './transmission.js'
export { commonVersion, type Feature, has, proxiedVersions, type SmpVersion, since, smpVersions } from './versions.js'
