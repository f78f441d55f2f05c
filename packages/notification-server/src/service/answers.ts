// Spec 30 §2, §5: what the notification server says, in the words of the service protocol.
import { toBase64url } from '@smpkit/encoding'
import type { FailureData, FailureStatus } from '@smpkit/service-protocol'
import type { ItemAnswer, SubscriptionAnswer, TokenCreated } from '@smpkit/service-protocol/notification'
import type { NotificationServerError } from '../errors.js'
import type { AddedItem, SubscriptionState } from '../subscription-types.js'
import type { AddedToken, TokenState } from '../tokens.js'

const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)

export interface Failure {
  readonly status: FailureStatus
  readonly data: FailureData
}

/** Why a request was refused. Its messages never hold what came. */
export function refusal({ code, reason, message, max, retryAfter }: NotificationServerError): Failure {
  switch (code) {
    case 'BAD_REQUEST':
      return { status: 'bad_request', data: { reason: 'data', issues: [{ path: `/${reason}`, message }] } }
    case 'NOT_FOUND':
      return { status: 'not_found', data: { reason } }
    case 'GONE':
      return { status: 'gone', data: { reason } }
    case 'FORBIDDEN':
      return { status: 'forbidden', data: { reason, message } }
    case 'CONFLICT':
      return { status: 'conflict', data: { reason, message } }
    case 'LIMIT':
      return retryAfter === undefined
        ? { status: 'forbidden', data: { reason, message, max } }
        : { status: 'too_many', data: { reason, message, max, retryAfter: Math.ceil(retryAfter / 1000) } }
  }
}

export const ok = { status: 'ok' } as const

export const tokenData = ({ id, dhKey, status }: AddedToken): TokenCreated => ({
  resource: `/ntf/tokens/${id}`,
  dhKey: toBase64url(dhKey.toDer()),
  status,
})

/** Also for one that was there already: who lost the first answer gets the same. */
export const addedToken = (token: AddedToken) => ({ status: 'created', data: tokenData(token) }) as const

const stateOf = <T extends SubscriptionState | TokenState>({ status, reason, updatedAt }: T) => ({
  status: status as T['status'],
  ...(reason === null ? {} : { reason }),
  updatedAt: seconds(updatedAt),
})

interface Added {
  readonly status: 'ok' | 'created' | 'accepted'
  readonly data: SubscriptionAnswer
}

/** `accepted` while the SMP server has not subscribed the queue, and may yet. */
function added(item: AddedItem): Added | Failure {
  if ('error' in item) return refusal(item.error)
  const { id, status, reason, created, token } = item
  return {
    status: status === 'pending' || (created && status === 'error') ? 'accepted' : created ? 'created' : 'ok',
    data: {
      resource: `/ntf/subscriptions/${id}`,
      status,
      ...(reason === null ? {} : { reason }),
      ...(token === null ? {} : { token: tokenData(token) }),
    },
  }
}

/** One subscription is answered as it is, an array with an array in its order. */
export function addedSubscriptions(
  items: readonly AddedItem[],
  several: boolean,
): Added | Failure | { readonly status: 'ok'; readonly data: readonly ItemAnswer[] } {
  const answers = items.map(added)
  return several ? { status: 'ok', data: answers } : (answers[0] as Added | Failure)
}

/** Of several, in their order. */
export const removedSubscriptions = (results: readonly (NotificationServerError | undefined)[]) =>
  ({ status: 'ok', data: results.map((error) => (error ? refusal(error) : ok)) }) as const

export const subscriptionState = (state: SubscriptionState) => ({ status: 'ok', data: stateOf(state) }) as const

export const subscriptionPage = (items: readonly SubscriptionState[], more: boolean) =>
  ({
    status: 'ok',
    data: {
      items: items.map((item) => ({ id: item.id, ...stateOf(item) })),
      ...(more ? { next: (items.at(-1) as SubscriptionState).id } : {}),
    },
  }) as const

export function tokenState(state: TokenState) {
  const { count, hash } = state.subscriptions
  const data = { ...stateOf(state), subscriptions: { count, hash: toBase64url(hash) } }
  return { status: 'ok', data } as const
}
