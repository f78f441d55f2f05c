// From a selection of the contract to queries on the tables, and from what they found to its rows.
import { type FoundIn, requestsOf } from '@smpkit/agent-store/internal'
import { fromBase64url } from '@smpkit/encoding'
import type { Rows, Selection } from './store.js'
import { mappings, utf8 } from './stored-rows.js'
import { type Tables, tables } from './tables.js'

export const requests = requestsOf(tables)
const { count, findAny, first, getAll, referred } = requests

/** One object for each different text. */
const each = <N extends string>(name: N, texts: readonly string[] | undefined): { readonly [P in N]: string }[] =>
  [...new Set(texts)].map((text) => ({ [name]: text }) as { readonly [P in N]: string })

/** Of a `queueKey`: no key of a server has a slash in it. */
function queueOf(key: string) {
  const [server = '', notifierId = ''] = key.split('/')
  return { server, notifierId: fromBase64url(notifierId) }
}

/** What is not asked for is an empty list, which costs no statement. */
export function queriesOf(selection: Selection) {
  const { tokens, subscriptions, notifications, outbox, servers, usedServers, answers, clients, tombstones, countsOf } =
    selection
  const { first: placed } = notifications ?? {}
  const found = {
    subscriptionsById: getAll('subscriptions', each('id', subscriptions?.id)),
    subscriptionsByOwner: findAny('subscriptions', 'byOwner', each('owner', subscriptions?.owner)),
    subscriptionsByToken: findAny('subscriptions', 'byToken', each('token', subscriptions?.token)),
    subscriptionsByQueue: findAny('subscriptions', 'byQueue', [...new Set(subscriptions?.queue)].map(queueOf)),
  }
  const counted = each('owner', countsOf === undefined ? [] : [countsOf])
  const isAsked = subscriptions?.withTokens === true
  const none = getAll('subscriptions', [])
  return {
    ...found,
    tokensById: getAll('tokens', each('id', tokens?.id)),
    tokensByOwner: findAny('tokens', 'byOwner', each('owner', tokens?.owner)),
    tokensByDevice: findAny(
      'tokens',
      'byDevice',
      [...new Set(tokens?.device)].map((key) => ({ device: utf8(key) })),
    ),
    tokensOfId: referred('tokens', 'token', isAsked ? found.subscriptionsById : none),
    tokensOfOwner: referred('tokens', 'token', isAsked ? found.subscriptionsByOwner : none),
    tokensOfQueue: referred('tokens', 'token', isAsked ? found.subscriptionsByQueue : none),
    tokensOfToken: referred('tokens', 'token', isAsked ? found.subscriptionsByToken : none),
    notifications: getAll('notifications', each('subscription', notifications?.subscription)),
    placed: first('notifications', 'placed', each('token', placed?.tokens), placed?.limit ?? 0),
    outbox: getAll('outbox', each('id', outbox?.id)),
    servers: getAll('servers', each('key', servers?.key)),
    usedServers: findAny('subscriptions', 'byServer', each('server', usedServers), 1),
    answersById: getAll('answers', each('id', answers?.id)),
    answersByOwner: findAny('answers', 'byOwner', each('owner', answers?.owner)),
    clients: getAll('clients', each('owner', clients?.owner)),
    tombstones: getAll('tombstones', each('id', tombstones?.id)),
    tokenCounts: count('tokens', 'byOwner', counted),
    subscriptionCounts: count('subscriptions', 'byOwner', counted),
    tombstoneCounts: count('tombstones', 'byOwner', counted),
  }
}

export type Found = FoundIn<Tables, ReturnType<typeof queriesOf>>

/** In any order, each once. */
function once<R extends { readonly id: string }>(...lists: readonly (readonly R[])[]): R[] {
  const [first = [], ...others] = lists.filter((list) => list.length > 0)
  if (others.length === 0) return [...first]
  return [...new Map(lists.flat().map((row) => [row.id, row])).values()]
}

export function rowsOf(found: Found): Rows {
  const tokens = once(
    found.tokensById,
    found.tokensByOwner,
    found.tokensByDevice,
    found.tokensOfId,
    found.tokensOfOwner,
    found.tokensOfQueue,
    found.tokensOfToken,
  )
  const notifications = new Map([...found.notifications, ...found.placed].map((row) => [row.subscription, row]))
  return {
    tokens: tokens.map(mappings.tokens.row),
    subscriptions: once(
      found.subscriptionsById,
      found.subscriptionsByOwner,
      found.subscriptionsByToken,
      found.subscriptionsByQueue,
    ),
    notifications: [...notifications.values()].sort((a, b) => a.seq - b.seq).map(mappings.notifications.row),
    outbox: found.outbox,
    servers: found.servers,
    usedServers: found.usedServers.map(({ server }) => server),
    answers: once(found.answersById, found.answersByOwner).map(mappings.answers.row),
    clients: found.clients,
    tombstones: found.tombstones,
    counts: {
      tokens: found.tokenCounts,
      subscriptions: found.subscriptionCounts,
      tombstones: found.tombstoneCounts,
    },
  }
}
