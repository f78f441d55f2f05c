// Spec 20 §9: statuses of tokens and subscriptions.
import { type Codec, EncodeError, type Reader } from '@smpkit/encoding'
import { has, type NtfVersion } from './versions.js'

const tokenStatuses = ['NEW', 'REGISTERED', 'INVALID', 'CONFIRMED', 'ACTIVE', 'EXPIRED'] as const
/** What is known of a device token; pushes go to it while it is `ACTIVE`. */
export type NtfTokenStatus = (typeof tokenStatuses)[number]

const invalidReasons = ['BAD', 'TOPIC', 'EXPIRED', 'UNREGISTERED'] as const
/** What the push provider says of an `INVALID` token. */
export type InvalidReason = (typeof invalidReasons)[number]

export interface NtfTokenState {
  readonly status: NtfTokenStatus
  /** Only of `INVALID`; below version 3 it is not written. */
  readonly reason: InvalidReason | null
}

const subscriptionStatuses = [
  'NEW',
  'PENDING',
  'ACTIVE',
  'INACTIVE',
  'END',
  'DELETED',
  'AUTH',
  'SERVICE',
  'ERR',
] as const
/** What is known of a subscription: the server tries on for the first four. */
export type NtfSubscriptionStatus = (typeof subscriptionStatuses)[number]

export interface NtfSubscriptionState {
  readonly status: NtfSubscriptionStatus
  /** Free bytes, of `ERR` alone. */
  readonly errorText: Uint8Array | null
}

/** All texts of a token's status. */
const tokenStates = new Map<string, NtfTokenState>([
  ...tokenStatuses.map((status) => [status, { status, reason: null }] as const),
  ...invalidReasons.map((reason) => [`INVALID,${reason}`, { status: 'INVALID', reason }] as const),
])
const longestText = Math.max(...[...tokenStates.keys()].map(({ length }) => length))

/** What is left, as text; a longer one is no status. */
function restOf(r: Reader): string {
  if (r.remaining > longestText) throw r.invalid('expected a status')
  return String.fromCharCode(...r.tail())
}

/** The parameters of `TKN`. A reason is read at any version. */
export const tokenState = (version: NtfVersion): Codec<NtfTokenState> => ({
  write(w, { status, reason }) {
    const text = reason === null ? status : `${status},${reason}`
    if (!tokenStates.has(text)) throw new EncodeError('RANGE', 'expected a token status, with a reason only if INVALID')
    w.word(has(version, 'invalidReason') ? text : status)
  },
  read(r) {
    const at = r.position
    const state = tokenStates.get(restOf(r))
    if (!state) throw r.invalid(`expected one of ${[...tokenStates.keys()].join(' ')}`, at)
    return state
  },
})

const isSubscriptionStatus = (text: string): text is NtfSubscriptionStatus =>
  (subscriptionStatuses as readonly string[]).includes(text)

/** The parameters of `SUB`. The text of `ERR` may be empty, its space is there. */
export const subscriptionState: Codec<NtfSubscriptionState> = {
  write(w, { status, errorText }) {
    if (!isSubscriptionStatus(status) || (status === 'ERR') !== (errorText !== null)) {
      throw new EncodeError('RANGE', 'expected a subscription status, with a text if and only if ERR')
    }
    w.word(status)
    if (errorText === null) return
    w.word(' ')
    w.raw(errorText)
  },
  read(r) {
    if (r.word('ERR ')) return { status: 'ERR', errorText: r.tail() }
    const at = r.position
    const status = restOf(r)
    if (!isSubscriptionStatus(status) || status === 'ERR') {
      throw r.invalid(`expected one of ${subscriptionStatuses.join(' ')}`, at)
    }
    return { status, errorText: null }
  },
}
