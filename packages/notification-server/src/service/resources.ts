// Spec 30 §5: the resources of the notification service.
import { isPrivateAuthKey, type PrivateAuthKey, PrivateKey, PublicKey } from '@smpkit/crypto'
import { fromBase64url } from '@smpkit/encoding'
import { type Answer, createRouter, type Router, ServiceFailure } from '@smpkit/service-protocol'
import {
  maxPage,
  maxSubscriptionsAtOnce,
  maxWait,
  type NotificationService,
  notificationService,
  type ProviderInfo,
  type SubscriptionRequest,
  type TokenRequest,
} from '@smpkit/service-protocol/notification'
import { NotificationServerError } from '../errors.js'
import type { Core } from '../front-door.js'
import { errorKind, type Logger } from '../logger.js'
import type { AnswerRow } from '../rows.js'
import type { NewSubscriptions } from '../subscription-types.js'
import { isUnsettled } from '../subscriptions.js'
import { refusedCode } from '../tokens.js'
import * as answers from './answers.js'
import type { Held } from './held.js'

/** Of one request. */
export interface RequestContext {
  readonly core: Core
  readonly owner: string
  /** For the transaction of the effect: the answer that is owed from then on. */
  readonly answer: (answer: Answer) => AnswerRow
  /** The same, where the answer has to wait for SMP servers. */
  readonly hold: (held: Held) => AnswerRow
  /** The request is to be carried out again when the store is back. */
  readonly onStoreError: (error: unknown) => void
}

/** What a handler gives counts where the request had no effect; otherwise the answer is in the store already. */
export function createResources(logger: Logger): Router<RequestContext> {
  return createRouter<NotificationService, RequestContext>(
    notificationService,
    {
      '/': { get: ({ context }) => about(context.core) },
      '/ntf/subscriptions': {
        post: refusing(async ({ context, data }) => subscribe(context, data)),
        get: refusing(async ({ context: { core, owner }, query }) => {
          const { status, since, after, limit = maxPage } = query
          const from = since === undefined ? undefined : since * 1000
          const { items, more } = await core.subscriptions.list({ owner, status, since: from, after, limit })
          return answers.subscriptionPage(items, more)
        }),
        delete: refusing(async ({ context, data }) => {
          const { core, owner } = context
          const along = (results: readonly (NotificationServerError | undefined)[]) =>
            context.answer(answers.removedSubscriptions(results))
          return answers.removedSubscriptions(await core.subscriptions.removeAll({ owner, ids: data, along }))
        }),
      },
      '/ntf/subscriptions/:id': {
        get: refusing(async ({ context: { core, owner }, params: { id } }) =>
          answers.subscriptionState(await core.subscriptions.get({ owner, id })),
        ),
        delete: refusing(async ({ context, params: { id } }) => {
          const { core, owner } = context
          const [error] = await core.subscriptions.removeAll({
            owner,
            ids: [id],
            along: ([error]) => context.answer(error ? answers.refusal(error) : answers.ok),
          })
          if (error) throw error
          return answers.ok
        }),
      },
      '/ntf/tokens': {
        post: refusing(async ({ context, data }) => {
          const { core, owner } = context
          const along = (added: Parameters<typeof answers.addedToken>[0]) => context.answer(answers.addedToken(added))
          return answers.addedToken(await core.tokens.add({ ...readToken(data), owner, along }))
        }),
      },
      '/ntf/tokens/:id': {
        get: refusing(async ({ context: { core, owner }, params: { id } }) =>
          answers.tokenState(await core.tokens.get({ owner, id })),
        ),
        put: refusing(async ({ context, params: { id }, data }) => {
          const { core, owner } = context
          const answer = { status: 'ok', data: { status: 'registered' } } as const
          await core.tokens.replace({ owner, id, ...data, along: () => context.answer(answer) })
          return answer
        }),
        delete: refusing(async ({ context, params: { id } }) => {
          const { core, owner } = context
          await core.tokens.remove({ owner, id, along: () => context.answer(answers.ok) })
          return answers.ok
        }),
      },
      '/ntf/tokens/:id/verification': {
        put: refusing(async ({ context, params: { id }, data }) => {
          const { core, owner } = context
          const active = { status: 'ok', data: { status: 'active' } } as const
          await core.tokens.verify({
            owner,
            id,
            code: readField('code', () => fromBase64url(data.code)),
            along: (result) => context.answer(result === 'active' ? active : answers.refusal(refusedCode(result))),
          })
          return active
        }),
      },
      '/ntf/tokens/:id/periodic': {
        put: refusing(async ({ context, params: { id }, data: { minutes } }) => {
          const { core, owner } = context
          await core.tokens.setPeriod({ owner, id, minutes, along: () => context.answer(answers.ok) })
          return answers.ok
        }),
      },
    },
    {
      onError: ({ error, errorId, method, pattern }) =>
        logger.error({ error: errorKind(error), errorId, method, resource: pattern }, 'a request failed'),
    },
  )
}

/** A handler whose errors are answers, or make the request wait for the store. */
function refusing<R extends { readonly context: RequestContext }, A>(
  handler: (request: R) => Promise<A>,
): (request: R) => Promise<A> {
  return async (request) => {
    try {
      return await handler(request)
    } catch (error) {
      if (error instanceof NotificationServerError) {
        const { status, data } = answers.refusal(error)
        throw new ServiceFailure(status, data, { cause: error })
      }
      if ((error as { temporary?: unknown }).temporary === true) request.context.onStoreError(error)
      throw error
    }
  }
}

function about({ providers, limits: { tokens, subscriptions } }: Core) {
  const data = {
    service: 'ntf',
    versions: [1],
    providers: providers.map(({ name, about }): ProviderInfo => ({ name, ...about })),
    limits: { batch: maxSubscriptionsAtOnce, tokens, subscriptions },
  } as const
  return { status: 'ok', data } as const
}

/** One, or several in one transaction. Where an SMP server is to be waited for, the answer is made later. */
async function subscribe(context: RequestContext, data: SubscriptionRequest | readonly SubscriptionRequest[]) {
  const { core, owner } = context
  const several = isList(data)
  const requests = several ? data : [data]
  const wait = 1000 * Math.max(0, ...requests.map((one) => one.wait ?? maxWait))
  let answer = answers.addedSubscriptions([], true)
  await core.subscriptions.begin({
    owner,
    items: requests.map(readItem),
    awaited: wait > 0,
    along: (planned) => {
      const items = planned.map((item) => core.subscriptions.addedOf(item))
      if (wait > 0 && items.some(isUnsettled)) return context.hold({ items, several, wait })
      answer = answers.addedSubscriptions(items, several)
      return context.answer(answer)
    },
  })
  return answer as Extract<typeof answer, { readonly status: 'ok' }>
}

const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value)

/** What does not fit of one of several is told of that one. */
function readItem({ server, notifierId, notifierKey, token }: SubscriptionRequest): NewSubscriptions['items'][number] {
  try {
    return {
      server,
      notifierId: readField('notifierId', () => fromBase64url(notifierId)),
      notifierKey: readField('notifierKey', () => readNotifierKey(notifierKey)),
      token: 'id' in token ? token.id : readToken(token),
    }
  } catch (error) {
    if (error instanceof NotificationServerError) return { error }
    throw error
  }
}

function readNotifierKey(text: string): PrivateAuthKey {
  const key = PrivateKey.fromDer(fromBase64url(text))
  if (isPrivateAuthKey(key)) return key
  throw new TypeError('expected a key that can authorize commands')
}

const readToken = ({ provider, token, dhKey }: TokenRequest) => ({
  provider,
  token,
  dhKey: readField('dhKey', () => readDhKey(dhKey)),
})

function readDhKey(text: string): PublicKey<'x25519'> {
  const key = PublicKey.fromDer(fromBase64url(text))
  if (key.is('x25519')) return key
  throw new TypeError('expected a key of X25519')
}

/** @throws NotificationServerError BAD_REQUEST */
function readField<T>(name: 'notifierId' | 'notifierKey' | 'dhKey' | 'code', read: () => T): T {
  try {
    return read()
  } catch {
    throw new NotificationServerError('BAD_REQUEST', name, 'expected base64url, of a key that of its DER')
  }
}
