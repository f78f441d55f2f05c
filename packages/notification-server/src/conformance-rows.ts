// Conformance: what was written is found as it was, by all that selects it.

import { toBase64url } from '@smpkit/encoding'
import {
  answer,
  bytesOf,
  client,
  deadLetter,
  equal,
  ids,
  notification,
  owed,
  type StoreTest,
  server,
  subscription,
  token,
  tombstone,
  write,
} from './conformance-support.js'
import { deviceKey, queueKey } from './rows.js'
import type { NotificationStore, PageRows, Selection } from './store.js'

const queueOf = ({ server, notifierId }: { server: string; notifierId: Uint8Array }) =>
  queueKey(server, toBase64url(notifierId))

export function rowTests(test: StoreTest): void {
  test('rows of each kind come back as they were', async ({ store }) => {
    const rows = {
      tokens: [
        token('a', {
          ntf: true,
          deviceToken: '{"a/b":"ü 🙂"}',
          checkSentAt: 5,
          periodicAt: 6,
          reason: 'why',
          status: 'invalid',
        }),
      ],
      subscriptions: [
        subscription('a', { byService: true, awaited: true, endedAt: 4, nextAt: null, reason: 'AUTH', retries: 2 }),
      ],
      notifications: [notification('a', Number.MAX_SAFE_INTEGER, 'token', true)],
      outbox: [owed('a', { kind: 'message', attempts: 3, reason: 'later' })],
      servers: [
        server('a', {
          checkOwed: true,
          up: false,
          changedAt: 9,
          reason: 'away',
          serviceCertificate: bytesOf('certificate', 300),
          serviceKey: bytesOf('service key', 48),
          serviceId: bytesOf('id', 24),
        }),
      ],
      answers: [answer('a', { state: 'waiting', kept: false, body: new Uint8Array() })],
      clients: [client('a', { idleSince: 7, newServers: 2, newServersSince: 8 })],
      tombstones: [tombstone('a')],
    }
    await write(store, rows)
    const found = await store.read({
      tokens: { id: ['a'] },
      subscriptions: { id: ['a'] },
      notifications: { subscription: ['a'] },
      outbox: { id: rows.outbox.map(({ id }) => id) },
      servers: { key: ['a'] },
      answers: { id: rows.answers.map(({ id }) => id) },
      clients: { owner: ['a'] },
      tombstones: { id: ['a'] },
    })
    equal(found, { ...rows, usedServers: [], counts: { tokens: 0, subscriptions: 0, tombstones: 0 } }, 'rows')
  })

  test('a selection finds those with any of its keys, each once, and no others', async ({ store }) => {
    const tokens = [
      token('a'),
      token('b', { owner: 'other' }),
      token('c', { owner: 'third', deviceToken: 'device of a' }),
    ]
    const subscriptions = [
      subscription('s', { token: 'a' }),
      subscription('t', { token: 'b', owner: 'other' }),
      subscription('u', { token: 'b', server: 'second' }),
    ]
    const [first, second, third] = subscriptions.map(queueOf)
    await write(store, { tokens, subscriptions, answers: [answer('x'), answer('y', { owner: 'other' })] })
    const tokensOf = async (tokens: NonNullable<Parameters<typeof store.read>[0]['tokens']>) =>
      ids((await store.read({ tokens })).tokens)
    equal(await tokensOf({ id: ['a', 'nothing', 'a'], owner: ['owner'] }), ['a'], 'one by two keys')
    equal(await tokensOf({ device: [deviceKey('fake', 'device of a')] }), ['a', 'c'], 'by the device')
    equal(await tokensOf({ device: [deviceKey('other', 'device of a')] }), [], 'a device of another provider')
    equal(await tokensOf({ id: ['c'], owner: ['owner', 'other'] }), ['a', 'b', 'c'], 'by several keys')
    const subscriptionsOf = async (selected: NonNullable<Parameters<typeof store.read>[0]['subscriptions']>) => {
      const found = await store.read({ subscriptions: selected })
      return [ids(found.subscriptions), ids(found.tokens)]
    }
    equal(await subscriptionsOf({ token: ['b'] }), [['t', 'u'], []], 'by the token')
    equal(await subscriptionsOf({ owner: ['owner', 'nobody'] }), [['s', 'u'], []], 'by the owner')
    equal(await subscriptionsOf({ queue: [first ?? '', third ?? ''] }), [['s', 'u'], []], 'by the queue')
    equal(await subscriptionsOf({ queue: [second ?? ''], withTokens: true }), [['t'], ['b']], 'with its token')
    equal(
      await subscriptionsOf({ id: ['s', 't'], token: ['b'], withTokens: true }),
      [
        ['s', 't', 'u'],
        ['a', 'b'],
      ],
      'all',
    )
    equal(
      await subscriptionsOf({ owner: ['owner'], withTokens: true }),
      [
        ['s', 'u'],
        ['a', 'b'],
      ],
      'tokens of two',
    )
    const found = await store.read({ usedServers: ['second', 'third', 'server', 'server'], countsOf: 'owner' })
    equal([...found.usedServers].sort(), ['second', 'server'], 'servers that have a subscription')
    equal(found.counts, { tokens: 1, subscriptions: 2, tombstones: 0 }, 'counts')
    equal(ids((await store.read({ answers: { owner: ['other'] } })).answers), ['other/y'], 'answers of an owner')
  })

  const seqsOf = (store: NotificationStore) => async (notifications: NonNullable<Selection['notifications']>) =>
    (await store.read({ notifications })).notifications.map(({ seq }) => seq)

  test('gives the first notifications of each token, sorted by their number', async ({ store }) => {
    const rows = [notification('a', 5), notification('b', 2), notification('c', 9), notification('d', 1, 'other')]
    await write(store, { notifications: [...rows, notification('e', 0, 'third')] })
    const seqs = seqsOf(store)
    equal(await seqs({ first: { tokens: ['token', 'other', 'none'], limit: 2 } }), [1, 2, 5], 'of two tokens')
    equal(await seqs({ subscription: ['c', 'b'], first: { tokens: ['token'], limit: 1 } }), [2, 9], 'and others')
    await write(store, { notifications: [notification('b', 20)] })
    equal(await seqs({ first: { tokens: ['token'], limit: 2 } }), [5, 9], 'after one was replaced')
  })

  test('of the notifications of a token those that were sent are the first, whatever their number', async ({
    store,
  }) => {
    const sent = (id: string, seq: number) => notification(id, seq, 'token', true)
    const last = Number.MAX_SAFE_INTEGER
    await write(store, { notifications: [notification('a', 1), sent('b', 7), sent('c', last), notification('d', 9)] })
    const seqs = seqsOf(store)
    equal(await seqs({ first: { tokens: ['token'], limit: 2 } }), [7, last], 'those that were sent')
    equal(await seqs({ first: { tokens: ['token'], limit: 3 } }), [1, 7, last], 'and the first of the others')
    await write(store, {
      notifications: [sent('a', 1), notification('b', 10)],
      remove: { notifications: [sent('c', 2)] },
    })
    equal(await seqs({ first: { tokens: ['token'], limit: 2 } }), [1, last], 'after one was sent and one came anew')
    await write(store, { remove: { notifications: [sent('c', last)] } })
    equal(await seqs({ first: { tokens: ['token'], limit: 9 } }), [1, 9, 10], 'after one was removed')
  })

  test('rows that are due come earliest first, and no others', async ({ store }) => {
    const times = [7, 3, null, 9, 8]
    await write(store, {
      subscriptions: times.map((nextAt, i) => subscription(`s${i}`, { nextAt })),
      tokens: [token('a', { expiresAt: 8 }), token('b', { periodicAt: 2 }), token('c', { expiresAt: 9 })],
      clients: [client('a', { checkAt: 9 }), client('b', { checkAt: 4 })],
      tombstones: [tombstone('a', 8), tombstone('b', 1), tombstone('c', 9)],
      answers: [answer('a', { state: 'sent', at: 2 }), answer('b', { at: 1 }), answer('c', { state: 'sent', at: 1 })],
    })
    const due = async (table: 'subscriptions' | 'tokens' | 'tombstones' | 'answers', limit = 10) =>
      (await store.due(table, 8, limit)).map(({ id }) => id)
    equal(await due('subscriptions'), ['s1', 's0', 's4'], 'subscriptions')
    equal(await due('subscriptions', 2), ['s1', 's0'], 'the first two')
    equal(await due('tokens'), ['b', 'a'], 'tokens')
    equal(await due('tombstones'), ['b', 'a'], 'tombstones')
    equal(await due('answers'), ['owner/c', 'owner/a'], 'answers that were sent')
    equal(
      (await store.due('clients', 8, 10)).map(({ owner }) => owner),
      ['b'],
      'clients',
    )
    await write(store, { subscriptions: [subscription('s1', { nextAt: 100 }), subscription('s2', { nextAt: 0 })] })
    equal(await due('subscriptions'), ['s2', 's0', 's4'], 'after a time has changed')
  })

  test('pages are ordered by key and go on after one', async ({ store }) => {
    const names = ['c', 'a', 'B', 'a b', 'é', '']
    const sorted = ['', 'B', 'a', 'a b', 'c', 'é']
    await write(store, {
      tokens: names.map((id) => token(id)),
      subscriptions: names.map((id) =>
        subscription(id, { server: id < 'a' ? 'server' : 'other', owner: id.slice(0, 1) }),
      ),
      outbox: names.map((id) => owed('token', { id })),
      servers: names.map((key) => server(key)),
      answers: names.map((id) => answer('x', { id, state: id < 'b' ? 'sent' : 'owed' })),
      clients: names.map((owner) => client(owner)),
      tombstones: names.map((id) => tombstone(id)),
    })
    const keys = async (table: keyof PageRows, options: Parameters<typeof store.page>[1]) =>
      (await store.page(table, options)).map((row) => ('id' in row ? row.id : 'key' in row ? row.key : row.owner))
    const all = ['tokens', 'subscriptions', 'outbox', 'servers', 'answers', 'clients', 'tombstones'] as const
    for (const table of all) {
      equal(await keys(table, { limit: 10 }), sorted, table)
      equal(await keys(table, { limit: 2 }), sorted.slice(0, 2), `${table}, the first two`)
      equal(await keys(table, { after: 'a', limit: 2 }), ['a b', 'c'], `${table}, after one`)
      equal(await keys(table, { after: 'a!', limit: 2 }), ['c', 'é'], `${table}, after one that is not there`)
      equal(await keys(table, { after: 'é', limit: 2 }), [], `${table}, after the last`)
    }
    equal(await keys('subscriptions', { server: 'other', limit: 3 }), ['a', 'a b', 'c'], 'of a server')
    equal(
      await keys('subscriptions', { server: 'other', after: 'a b', limit: 3 }),
      ['c', 'é'],
      'of a server, after one',
    )
    equal(await keys('subscriptions', { owner: 'a', limit: 3 }), ['a', 'a b'], 'of an owner')
    equal(await keys('answers', { owed: true, limit: 3 }), ['c', 'é'], 'answers that were not sent')
    equal(await keys('answers', { owed: true, after: 'c', limit: 3 }), ['é'], 'such answers after one')
  })

  test('a walk over pages sees every row once that was there all the time, and none that was removed', async ({
    store,
  }) => {
    const names = Array.from({ length: 10 }, (_, i) => `id ${i}`)
    await write(store, { subscriptions: names.map((id) => subscription(id)) })
    const seen: string[] = []
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const rows = await store.page('subscriptions', { ...(after === undefined ? {} : { after }), limit: 3 })
      seen.push(...rows.map(({ id }) => id))
      if (rows.length < 3) break
      if (after === undefined) await write(store, { remove: { subscriptions: ['id 0', 'id 7'] } })
    }
    equal(
      seen,
      names.filter((id) => id !== 'id 7'),
      'what was seen',
    )
  })

  test('dead letters are bounded, newest first, also over several calls', async ({ store }) => {
    equal(await store.deadLetters(10), [], 'of a new store')
    for (let first = 0; first < 2500; first += 500) {
      await write(store, { deadLetters: Array.from({ length: 500 }, (_, i) => deadLetter(first + i)) })
    }
    equal(await store.deadLetters(2), [deadLetter(2499), deadLetter(2498)], 'the newest')
    const all = await store.deadLetters(9999)
    equal(all.length >= 1000 && all.length <= 2000, true, 'how many there are')
    equal(
      all.map(({ at }) => at),
      Array.from({ length: all.length }, (_, i) => 2499 - i),
      'their order',
    )
  })
}
