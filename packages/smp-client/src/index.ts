export { type Clock, systemClock } from './clock.js'
export type { Connect, ConnectOptions, ServiceCredentials } from './connect.js'
export { newCorrId } from './corr-ids.js'
export {
  type Outcome,
  type ReplyOrigin,
  SmpClientError,
  type SmpClientErrorCode,
  SmpError,
  SmpReplyError,
} from './errors.js'
export { QueueMessage, type QueueMessages, type ReceivingQueue } from './queue-messages.js'
export type { Answer, AnswerTo, Request, Requester, RequestOptions } from './requests.js'
export {
  type EventMessage,
  type OpenOptions,
  openSession,
  type SessionEvent,
  type SessionOptions,
  SmpClientSession,
  type UnexpectedMessage,
} from './session.js'
