export { ChatError, type ChatErrorCode } from './errors.js'
export { type EventName, type Params, wantsNotification } from './events.js'
export type { Content, Profile } from './fields.js'
export {
  bodyLimits,
  type ChatMessage,
  contactRequestLimit,
  contentToText,
  type DecodedBody,
  decodeBody,
  encodeMessage,
  newMessageId,
  type OutgoingMessage,
} from './messages.js'
export { linkForTerminal } from './qr.js'
export { printable } from './terminal.js'
