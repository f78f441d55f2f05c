export { type Clock, systemClock } from './clock.js'
export { NotificationServerError, type RefusalReasons } from './errors.js'
export type { Core, FrontDoor } from './front-door.js'
export { type GuardedConnectOptions, guardedConnect } from './guarded-connect.js'
export { defaultLimits, type Limits } from './limits.js'
export type { Logger } from './logger.js'
export { memoryStore } from './memory-store.js'
export type { Owned } from './owned.js'
export {
  createPoolSubscriber,
  type NotifierService,
  type PoolSubscriberOptions,
  poolSubscriber,
} from './pool-subscriber.js'
export type { PushReport } from './push-sender.js'
export {
  type DeadLetter,
  deviceKey,
  type NotificationRow,
  type OutboxRow,
  outboxId,
  queueKey,
  type ServerRow,
  type SubscriptionRow,
  type SubscriptionStatus,
  type TokenRow,
  type TokenStatus,
  tokenDueAt,
} from './rows.js'
export {
  createNotificationServer,
  type NotificationServer,
  type NotificationServerMetrics,
  type NotificationServerOptions,
  type NotificationServerStatus,
} from './server.js'
export type { Received, ServerStatus } from './server-state.js'
export type { Changes, Decision, NotificationStore, PageRows, Rows, Selection } from './store.js'
export type { Notifier, SmpSubscriber, SubscriberEvent } from './subscriber.js'
export type { AddedSubscription, NewSubscription, SubscriptionState } from './subscription-types.js'
export type { AddedToken, NewToken, TokenState } from './tokens.js'
