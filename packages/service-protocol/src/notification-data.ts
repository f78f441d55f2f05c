// Spec 30 §5: the data of the notification service's requests and answers. Keys, ids and tokens are checked for their shape only.
import { base64url, choose, fromDigits, integer, list, object, oneOf, optional, text, unknownValue } from './schema.js'
import type { OutputOf } from './standard-schema.js'

/** Subscriptions in one request. */
export const maxSubscriptionsAtOnce = 32
/** Ids in one request. */
export const maxIdsAtOnce = 64
/** Subscriptions in one page. */
export const maxPage = 64
/** Seconds that an answer to a subscription may be waited for, and what is meant where nothing is said. */
export const maxWait = 15
/** The least period of periodic pushes, in minutes. */
export const minPeriodMinutes = 20

export const tokenStatus = oneOf('registered', 'confirmed', 'active', 'invalid', 'expired')
export type TokenStatus = OutputOf<typeof tokenStatus>

export const subscriptionStatus = oneOf('pending', 'active', 'inactive', 'ended', 'deleted', 'auth', 'error')
export type SubscriptionStatus = OutputOf<typeof subscriptionStatus>

const id = text({ what: 'an id', max: 64, pattern: /^[\w-]+$/ })
const reason = text({ max: 256 })
const resource = text({ what: 'a resource', max: 512, pattern: /^\// })
/** Seconds since 1970. */
const time = integer(0)
/** DER of an X25519 public key: 44 bytes. */
const dhKey = base64url(44, 44)

const provider = text({ what: 'the name of a provider', max: 32, pattern: /^[a-z][a-z0-9_]*$/ })

/** Web Push and UnifiedPush. `p256dh` is the uncompressed point. */
export const webPushToken = object({
  endpoint: text({ what: 'an https URL', max: 1000, pattern: /^https:\/\// }),
  keys: object({ p256dh: base64url(65, 65), auth: base64url(16, 16) }),
})
export type WebPushToken = OutputOf<typeof webPushToken>

export const webhookToken = object({
  url: text({ what: 'an http or https URL', max: 1000, pattern: /^https?:\/\// }),
  /** Stands for 24 to 64 bytes; how is for the provider to tell. */
  secret: text({ what: 'a secret', min: 24, max: 100 }),
})
export type WebhookToken = OutputOf<typeof webhookToken>

const tokenText = text({ what: 'a device token', max: 4096 })

const isTextual = (value: unknown) => typeof value !== 'object' || value === null

/** The form is the provider's: a text, or one of the two objects. */
export const deviceToken = choose((value) =>
  isTextual(value) ? tokenText : 'url' in (value as object) ? webhookToken : webPushToken,
)
export type DeviceToken = OutputOf<typeof deviceToken>

export const tokenRequest = object({ provider, token: deviceToken, dhKey })
export type TokenRequest = OutputOf<typeof tokenRequest>

export const tokenReplacement = object({ provider, token: deviceToken })
export type TokenReplacement = OutputOf<typeof tokenReplacement>

const tokenReference = object({ id })

/** A token of before, or a new one. */
const tokenOfSubscription = choose((value) =>
  !isTextual(value) && 'id' in (value as object) ? tokenReference : tokenRequest,
)

export const subscriptionRequest = object({
  server: text({ what: 'the address of an SMP server', max: 1000, pattern: /^smp:\/\// }),
  notifierId: base64url(1, 255),
  /** PKCS#8 DER: an Ed25519 key has 48 bytes, an Ed448 key 73. */
  notifierKey: base64url(40, 96),
  token: tokenOfSubscription,
  wait: optional(integer(0, maxWait)),
})
export type SubscriptionRequest = OutputOf<typeof subscriptionRequest>

const subscriptionRequestList = list(subscriptionRequest, maxSubscriptionsAtOnce)
export const subscriptionRequests = choose((value) =>
  Array.isArray(value) ? subscriptionRequestList : subscriptionRequest,
)

export const idList = list(id, maxIdsAtOnce)

/** The service's part of a token's keys: with it and the client's `dhKey`, pushes are decrypted. */
export const tokenCreated = object({ resource, dhKey, status: tokenStatus })
export type TokenCreated = OutputOf<typeof tokenCreated>

export const subscriptionAnswer = object({
  resource,
  status: subscriptionStatus,
  reason: optional(reason),
  /** Where the request made a token. */
  token: optional(tokenCreated),
})
export type SubscriptionAnswer = OutputOf<typeof subscriptionAnswer>

/** One of a list: `status` is as in an answer of its own, `data` a `SubscriptionAnswer` or why not. */
export const itemAnswer = object({ status: text({ max: 64 }), data: optional(unknownValue) })
export type ItemAnswer = OutputOf<typeof itemAnswer>

export const itemAnswers = list(itemAnswer)
export const subscriptionAnswers = choose((value) => (Array.isArray(value) ? itemAnswers : subscriptionAnswer))

export const subscriptionState = object({ status: subscriptionStatus, reason: optional(reason), updatedAt: time })
export type SubscriptionState = OutputOf<typeof subscriptionState>

const subscriptionItem = object({ id, status: subscriptionStatus, reason: optional(reason), updatedAt: time })
export type SubscriptionItem = OutputOf<typeof subscriptionItem>

export const subscriptionPage = object({
  items: list(subscriptionItem),
  /** `after` of the next page; absent in the last one. */
  next: optional(id),
})
export type SubscriptionPage = OutputOf<typeof subscriptionPage>

export const subscriptionQuery = object({
  status: optional(subscriptionStatus),
  /** Those that changed then or later. */
  since: optional(fromDigits(time)),
  after: optional(id),
  limit: optional(fromDigits(integer(1, maxPage))),
})
export type SubscriptionQuery = OutputOf<typeof subscriptionQuery>

export const verification = object({ code: base64url(1, 64) })
export const tokenVerified = object({ status: oneOf('active') })
export const tokenReplaced = object({ status: oneOf('registered') })

const off = integer(0, 0)
const minutes = integer(minPeriodMinutes, 0xffff)

/** 0: off. */
export const period = object({ minutes: choose((value) => (value === 0 ? off : minutes)) })

export const tokenState = object({
  status: tokenStatus,
  reason: optional(reason),
  updatedAt: time,
  /** `hash`: base64url of the XOR of SHA-256(server key hash ‖ notifier id) of all of them, 32 bytes. */
  subscriptions: object({ count: integer(0), hash: base64url(32, 32) }),
})
export type TokenState = OutputOf<typeof tokenState>

export const providerInfo = object({
  name: provider,
  /** Web Push: what a browser subscribes with. */
  vapidKey: optional(base64url(65, 65)),
  /** FCM. */
  projectId: optional(text({ max: 256 })),
  /** APNs. */
  topic: optional(text({ max: 256 })),
})
export type ProviderInfo = OutputOf<typeof providerInfo>

export const serviceInfo = object({
  service: oneOf('ntf'),
  versions: list(integer(1)),
  providers: list(providerInfo),
  /** `batch`: subscriptions in a request; the others of a connection. */
  limits: object({ batch: integer(0), tokens: integer(0), subscriptions: integer(0) }),
})
export type ServiceInfo = OutputOf<typeof serviceInfo>
