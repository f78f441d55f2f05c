export type { BackOffOptions } from '@smpkit/encoding/internal'
export { type Clock, systemClock } from '@smpkit/encoding/internal'
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
export { resolveName } from './names.js'
export { addNotifier, type Notifier, removeNotifier, subscribeNotifications } from './notifier.js'
export { type OpenOptions, openSession } from './open-session.js'
export { type PoolEvent, type PoolOptions, type PoolStatus, SmpPool } from './pool.js'
export type { QueueSubscription } from './pool-context.js'
export { PooledServer } from './pooled-server.js'
export { type ProxiedCommand, ProxiedRelay, type ProxyOptions } from './proxy.js'
export { QueueMessage, type QueueMessages, type ReceivingQueue } from './queue-messages.js'
export {
  acknowledge,
  deleteLinkData,
  deleteQueue,
  getMessage,
  type NewQueueOptions,
  newQueue,
  type Queue,
  queueInformation,
  type RecipientQueue,
  replaceRecipientKeys,
  secureQueue,
  setLinkData,
  subscribe,
  turnOff,
} from './recipient.js'
export type { Answer, AnswerTo, Request, Requester, RequestOptions } from './requests.js'
export { createRoutes, type OwnServer, type ProxyPolicy, type Routes, type RoutesOptions } from './routes.js'
export {
  getLinkData,
  type LinkData,
  ping,
  type SendingQueue,
  secureAsSender,
  secureByLink,
  sendMessage,
} from './sender.js'
export { subscribeService } from './services.js'
export { SmpClientSession } from './session.js'
export type { EventMessage, SessionEvent, SessionOptions, UnexpectedMessage } from './session-options.js'
export type { ServiceEnd, SubscriptionKind, SubscriptionOutcome, SubscriptionResult } from './subscriptions.js'
