// Spec 30 §6, issue texts: numbers that an operator may change. Times are in milliseconds.

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

export const defaultLimits = {
  /** Of one owner. */
  tokens: 4,
  /** The same over NTF, where an owner is a key. */
  tokensNtf: 64,
  subscriptions: 5000,
  /** The same for one client of the NTF protocol, which has a queue with each member of its groups. */
  subscriptionsNtf: 50_000,
  /** Requests of one owner in a minute. */
  requests: 60,
  /** SMP servers that one owner is the first to name, in a day. */
  newServers: 20,
  /** The same for one client of the NTF protocol, which brings all its connections at once. */
  newServersNtf: 100,
  /** Connections of clients that are accepted in a second, of all. */
  accepts: 10,
  /** Registrations over NTF, and replaced devices, from one IPv4 address or IPv6 network of 64 bits in an hour; more of them wait. */
  registrations: 3000,
  /** SMP servers that are being connected to at the same time. */
  serversConnecting: 500,
  /** After which a client without a token is dropped. */
  idleClientExpiry: day,
  /** Answers that are kept for repeated requests of one owner, and for how long. */
  answers: 64,
  answerExpiry: hour,
  /** After which an answer that could not be given to the agent is tried again. */
  replyRetry: 5 * second,
  /** For how long an owner is told that something of it was deleted. */
  tombstoneExpiry: day,
  /** Of how many deleted tokens and subscriptions one owner is told. */
  tombstones: 5000,
  /** Characters of a server address as text, so that every item fits a push. */
  addressLength: 1024,
  /** Wrong codes before there is a new one. */
  codeTries: 10,
  /** Verification pushes to one device in an hour, whoever asks for them. */
  verifications: 60,
  unverifiedExpiry: 7 * day,
  verifiedExpiry: 90 * day,
  expiredDeletion: 30 * day,
  /** The least time between two check-messages pushes of a token. */
  checkInterval: 20 * minute,
  /** After which checks are owed although some queues of the server were not answered. */
  settleTimeout: 5 * minute,
  /** Over which check-messages pushes after a lost session are spread. */
  checkSpread: minute,
  /** The longest that `subscriptions.add` waits for the SMP server. */
  subscribeWait: 15 * second,
  /** After `END`; a second one within `endMemory` is final. */
  endRetry: minute,
  endMemory: day,
  /** After `AUTH`: these, then every `authRetryEvery` until `authRetryFor` has passed. */
  authRetries: [minute, 10 * minute, hour] as readonly number[],
  authRetryEvery: 6 * hour,
  authRetryFor: 7 * day,
  /** How often an active subscription is verified by another `NSUB`. */
  verifyEvery: day,
  /** When a subscription that is not active is tried again if the last `NSUB` was not answered. */
  unansweredRetry: 10 * minute,
  /** How often rows whose time has come are looked for, and how many are taken at once. */
  maintenanceEvery: 15 * second,
  maintenanceBatch: 1000,
  pushTimeout: 30 * second,
  /** Delay after the first failure of a push; doubles up to the longest, half of it at random. */
  retryFirst: second,
  retryLongest: 15 * minute,
  /** After which a push that keeps failing is a dead letter. */
  pushExpiry: { verification: day, message: 7 * day, check: 7 * day },
  /** For the delay after a store failed. */
  storeRetry: second,
} as const

export type Limits = { readonly [K in keyof typeof defaultLimits]: Widen<(typeof defaultLimits)[K]> }
type Widen<T> = T extends number
  ? number
  : T extends readonly number[]
    ? readonly number[]
    : { readonly [K in keyof T]: number }
