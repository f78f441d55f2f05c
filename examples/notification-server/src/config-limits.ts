// The section [limits]: every number of the library that an operator may change.
import { defaultLimits, type Limits } from '@smpkit/notification-server'
import { key } from './config-key.js'
import { duration, integer, list } from './config-types.js'

const { pushExpiry, authRetries } = defaultLimits
const count = (value: number, doc: string, least = 1) => key(integer(least), value, doc)
const time = (value: number, doc: string) => key(duration, value, doc)

export const limitKeys = {
  tokens: count(defaultLimits.tokens, 'Tokens of one client.'),
  tokens_ntf: count(defaultLimits.tokensNtf, 'The same for a client of the NTF protocol, which is a key.'),
  subscriptions: count(defaultLimits.subscriptions, 'Subscriptions of one client.'),
  subscriptions_ntf: count(
    defaultLimits.subscriptionsNtf,
    'The same for a client of the NTF protocol, which has a queue with each member of its groups.',
  ),
  requests: count(defaultLimits.requests, 'Requests of one client in a minute.'),
  new_servers: count(defaultLimits.newServers, 'SMP servers that one client is the first to name, in a day.', 0),
  new_servers_ntf: count(
    defaultLimits.newServersNtf,
    'The same for a client of the NTF protocol, which brings all its connections at once.',
    0,
  ),
  accepts: count(defaultLimits.accepts, 'Clients that are let in within a second.'),
  registrations: count(
    defaultLimits.registrations,
    'Devices that are registered or replaced over the NTF protocol from one IPv4 address, or one IPv6 network of 64 bits, in an hour; more of them wait.',
  ),
  servers_connecting: count(defaultLimits.serversConnecting, 'SMP servers that are being connected to at once.'),
  idle_client_expiry: time(defaultLimits.idleClientExpiry, 'After which a client without a token is dropped.'),
  answers: count(defaultLimits.answers, 'Answers of one client that are kept in case that it asks again.'),
  answer_expiry: time(defaultLimits.answerExpiry, 'For how long those are kept.'),
  tombstones: count(defaultLimits.tombstones, 'Of how many deleted tokens and subscriptions one client is told.'),
  tombstone_expiry: time(defaultLimits.tombstoneExpiry, 'For how long a client is told what was deleted.'),
  address_length: count(defaultLimits.addressLength, 'Characters of the address of an SMP server.'),
  verifications: count(
    defaultLimits.verifications,
    'Verification pushes to one device in an hour, whoever asks for them.',
  ),
  code_tries: count(defaultLimits.codeTries, 'Wrong codes before there is a new one.'),
  unverified_expiry: time(defaultLimits.unverifiedExpiry, 'After which an unverified token expires.'),
  verified_expiry: time(defaultLimits.verifiedExpiry, 'After which a token expires whose client sends nothing.'),
  expired_deletion: time(defaultLimits.expiredDeletion, 'After which an expired token is deleted.'),
  check_interval: time(defaultLimits.checkInterval, 'The least between two check-messages pushes of a token.'),
  settle_timeout: time(defaultLimits.settleTimeout, 'After which checks are owed although queues are unanswered.'),
  check_spread: time(defaultLimits.checkSpread, 'Over which the checks after a lost session are spread.'),
  subscribe_wait: time(defaultLimits.subscribeWait, 'The longest that a client waits for an SMP server.'),
  end_retry: time(defaultLimits.endRetry, 'After which a subscription that another client took is tried again.'),
  end_memory: time(defaultLimits.endMemory, 'Taken twice within this time, it is given up.'),
  auth_retries: key(list(duration, 'times'), authRetries, 'When a refused subscription is tried again.'),
  auth_retry_every: time(defaultLimits.authRetryEvery, 'After those: how often.'),
  auth_retry_for: time(defaultLimits.authRetryFor, 'After those: for how long.'),
  verify_every: time(defaultLimits.verifyEvery, 'How often an active subscription is verified.'),
  unanswered_retry: time(defaultLimits.unansweredRetry, 'When an unanswered subscription is tried again.'),
  maintenance_every: time(defaultLimits.maintenanceEvery, 'How often it is looked for what is due.'),
  maintenance_batch: count(defaultLimits.maintenanceBatch, 'How much of that is done at once.'),
  push_timeout: time(defaultLimits.pushTimeout, 'How long a provider may take.'),
  retry_first: time(defaultLimits.retryFirst, 'After the first failure of a push; doubles each time.'),
  retry_longest: time(defaultLimits.retryLongest, 'The longest between two attempts.'),
  push_expiry_verification: time(pushExpiry.verification, 'How long a verification push is tried.'),
  push_expiry_message: time(pushExpiry.message, 'How long a push for messages is tried.'),
  push_expiry_check: time(pushExpiry.check, 'How long a check-messages push is tried.'),
  reply_retry: time(defaultLimits.replyRetry, 'After an answer to a client could not be sent.'),
  store_retry: time(defaultLimits.storeRetry, 'After the database failed.'),
}

type LimitValues = { readonly [K in keyof typeof limitKeys]: (typeof limitKeys)[K]['default'] }

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** As the library has them. */
export function limitsOf(values: LimitValues): Limits {
  const { push_expiry_verification, push_expiry_message, push_expiry_check, ...rest } = values
  const pushExpiry = {
    verification: push_expiry_verification,
    message: push_expiry_message,
    check: push_expiry_check,
  }
  const named = Object.entries(rest).map(([name, value]) => [camel(name), value])
  return { ...Object.fromEntries(named), pushExpiry } as Limits
}
