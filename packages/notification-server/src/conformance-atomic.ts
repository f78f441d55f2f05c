// Conformance: what is written together, what goes with what, and the life of a store.
import {
  answer,
  bytesOf,
  client,
  deadLetter,
  equal,
  failure,
  ids,
  notification,
  owed,
  type StoreTest,
  type StoreUnderTest,
  server,
  subscription,
  token,
  write,
} from './conformance-support.js'
import { outboxId } from './rows.js'

export function atomicTests(test: StoreTest): void {
  test('atomic gives the change what it read, and its caller the result', async ({ store }) => {
    const row = token('a')
    await write(store, { tokens: [row] })
    const result = await store.atomic({ tokens: { id: ['a'] }, countsOf: 'owner' }, ({ tokens, counts }) => ({
      changes: {},
      result: { tokens, counts },
    }))
    equal(result, { tokens: [row], counts: { tokens: 1, subscriptions: 0, tombstones: 0 } }, 'result')
  })

  test('100 calls at the same time that read, count and write lose none', async ({ store }) => {
    await write(store, { outbox: [owed('a')] })
    const count = () =>
      store.atomic({ outbox: { id: [outboxId('a', 'check')] } }, ({ outbox: [row] }) => {
        const attempts = (row?.attempts ?? 0) + 1
        return { changes: { outbox: [owed('a', { attempts })] }, result: attempts }
      })
    const results = await Promise.all(Array.from({ length: 100 }, count))
    equal(
      results.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
      'results',
    )
  })

  test('writes nothing when the change throws, and passes its error on', async ({ store }) => {
    await write(store, { subscriptions: [subscription('a')] })
    const thrown = new Error('no')
    const error = await failure(
      store.atomic({ subscriptions: { id: ['a'] } }, () => {
        throw thrown
      }),
      'atomic',
    )
    equal(error === thrown, true, 'the error')
    equal(ids((await store.read({ subscriptions: { id: ['a'] } })).subscriptions), ['a'], 'rows')
  })

  test('keeps one subscription for a queue, and writes nothing of a call that would make a second', async ({
    store,
  }) => {
    const { notifierId } = subscription('a')
    await write(store, { subscriptions: [subscription('a')] })
    const second = {
      subscriptions: [subscription('b', { notifierId })],
      notifications: [notification('b', 1)],
      outbox: [owed('token')],
      deadLetters: [deadLetter(1)],
    }
    const error = await failure(write(store, { tokens: [token('x')], ...second }), 'a second subscription')
    equal((error as { temporary?: unknown }).temporary, false, 'whether it helps to try again')
    const selection = {
      tokens: { id: ['x'] },
      subscriptions: { owner: ['owner'] },
      notifications: { subscription: ['b'] },
      outbox: { id: [outboxId('token', 'check')] },
    }
    const found = await store.read(selection)
    equal([found.tokens, ids(found.subscriptions), found.notifications, found.outbox], [[], ['a'], [], []], 'rows')
    equal(await store.deadLetters(1), [], 'dead letters')
    await write(store, { ...second, remove: { subscriptions: ['a'] } })
    equal(ids((await store.read(selection)).subscriptions), ['b'], 'after the first was removed in the same call')
    await write(store, { subscriptions: [subscription('c', { notifierId, server: 'another' })] })
  })

  test('of two calls at the same time that take a queue one is refused', async ({ store }) => {
    const take = (id: string) => write(store, { subscriptions: [subscription(id, { notifierId: bytesOf('one', 24) })] })
    const settled = await Promise.allSettled([take('a'), take('b'), take('c')])
    equal(settled.filter(({ status }) => status === 'fulfilled').length, 1, 'how many were not')
    equal((await store.read({ countsOf: 'owner' })).counts.subscriptions, 1, 'subscriptions')
  })

  test('removes what goes with a token, a subscription or a client, and nothing else', async ({ store }) => {
    await write(store, {
      tokens: [token('a'), token('b')],
      subscriptions: ['a1', 'a2', 'b1', 'b2'].map((id) => subscription(id, { token: id.slice(0, 1) })),
      // The last one was made while its subscription belonged to another token.
      notifications: [
        ...['a1', 'b1', 'b2'].map((id, i) => notification(id, i, id.slice(0, 1))),
        notification('a2', 9, 'z'),
      ],
      outbox: [owed('a'), owed('a', { kind: 'message' }), owed('b')],
      servers: [server('server')],
      clients: [client('owner'), client('other')],
      answers: [answer('x'), answer('x', { owner: 'other' })],
    })
    const left = async () => {
      const found = await store.read({
        tokens: { owner: ['owner'] },
        subscriptions: { owner: ['owner'] },
        notifications: { subscription: ['a1', 'a2', 'b1', 'b2'] },
        outbox: { id: ['a/check', 'a/message', 'b/check'] },
        servers: { key: ['server'] },
        clients: { owner: ['owner', 'other'] },
        answers: { owner: ['owner', 'other'] },
      })
      return [
        ...found.tokens.map(({ id }) => id),
        ...found.subscriptions.map(({ id }) => id),
        ...found.notifications.map(({ subscription }) => `of ${subscription}`),
        ...[...found.outbox, ...found.answers].map(({ id }) => id),
        ...[...found.clients].map(({ owner }) => `client ${owner}`),
        ...found.servers.map(({ key }) => key),
      ].sort()
    }
    await write(store, { remove: { clients: ['owner'] } })
    const rest = ['b', 'b1', 'b/check', 'client other', 'of b1', 'other/x', 'server']
    const ofA = ['a', 'a/check', 'a/message', 'a1', 'a2', 'of a1', 'of a2']
    equal(await left(), [...rest, ...ofA, 'b2', 'of b2'].sort(), 'without a client')
    await write(store, { remove: { subscriptions: ['b2'] } })
    equal(await left(), [...rest, ...ofA].sort(), 'without a subscription')
    await store.atomic({ tokens: { id: ['a'] }, subscriptions: { token: ['a'] } }, () => ({
      changes: { remove: { tokens: ['a'] } },
      result: undefined,
    }))
    equal(await left(), [...rest].sort(), 'without a token')
  })

  test('removes first, then writes', async ({ store }) => {
    await write(store, { tokens: [token('a')], outbox: [owed('a')], notifications: [notification('s', 1)] })
    await write(store, {
      tokens: [token('a', { status: 'invalid' })],
      outbox: [owed('a', { attempts: 7 })],
      notifications: [notification('s', 2)],
      remove: { tokens: ['a'], outbox: ['a/check'], notifications: [notification('s', 1)] },
    })
    const found = await store.read({
      tokens: { id: ['a'] },
      outbox: { id: ['a/check'] },
      notifications: { subscription: ['s'] },
    })
    equal([found.tokens[0]?.status, found.outbox[0]?.attempts, found.notifications[0]?.seq], ['invalid', 7, 2], 'rows')
  })

  test('removes a notification only while it is the one that was meant', async ({ store }) => {
    await write(store, { notifications: [notification('a', 2), notification('b', 3)] })
    const left = async () => {
      const { notifications } = await store.read({ notifications: { subscription: ['a', 'b'] } })
      return notifications.map(({ seq }) => seq)
    }
    await write(store, { remove: { notifications: [notification('a', 1), notification('b', 2)] } })
    equal(await left(), [2, 3], 'others were meant')
    await write(store, { remove: { notifications: [notification('a', 2), notification('b', 2)] } })
    equal(await left(), [3], 'one was meant')
  })

  test('an outbox row that is there already is left as it is, where that is asked for', async ({ store }) => {
    await write(store, { outbox: [owed('a')] })
    await write(store, { outboxIfAbsent: [owed('a', { createdAt: 2 }), owed('b'), owed('b', { createdAt: 3 })] })
    const { outbox } = await store.read({ outbox: { id: ['a/check', 'b/check'] } })
    equal(
      [...outbox].sort((a, b) => (a.id < b.id ? -1 : 1)),
      [owed('a'), owed('b')],
      'rows',
    )
  })

  test('of two rows with one key in a call the last stays', async ({ store }) => {
    await write(store, { tokens: [token('a'), token('b'), token('a', { triesLeft: 0 })] })
    const { tokens } = await store.read({ tokens: { id: ['a'] } })
    equal(
      tokens.map(({ triesLeft }) => triesLeft),
      [0],
      'rows',
    )
  })

  test('a read sees all that settled before, and one moment while others write', async ({ store }) => {
    for (let i = 0; i < 20; i++) {
      const writing = write(store, {
        tokens: [token('a', { triesLeft: i })],
        outbox: [owed('a', { attempts: i })],
      })
      if (i % 2 === 0) await writing
      const { tokens, outbox } = await store.read({ tokens: { id: ['a'] }, outbox: { id: ['a/check'] } })
      equal(tokens[0]?.triesLeft, outbox[0]?.attempts, 'two rows that are written together')
      if (i % 2 === 0) equal(tokens[0]?.triesLeft, i, 'what settled before')
      await writing
    }
  })

  test('1000 rows can be written, found and removed in one call', async ({ store }) => {
    const names = Array.from({ length: 1000 }, (_, i) => `id ${i}`)
    await write(store, {
      subscriptions: names.map((id) => subscription(id)),
      notifications: names.map((id, i) => notification(id, i)),
    })
    const selection = { subscriptions: { id: names }, notifications: { subscription: names } }
    const found = await store.read(selection)
    equal([found.subscriptions.length, found.notifications.length], [1000, 1000], 'rows')
    await write(store, { remove: { subscriptions: names } })
    const after = await store.read(selection)
    equal([after.subscriptions.length, after.notifications.length], [0, 0], 'rows')
  })
}

async function isStored(test: StoreUnderTest, value: Uint8Array | string): Promise<boolean> {
  const stored = await test.stored?.()
  return stored !== undefined && Buffer.from(stored).includes(Buffer.from(value))
}

export function lifeTests(test: StoreTest): void {
  test('remembers whether the server stopped orderly', async (under) => {
    const { store } = under
    equal(await store.swapClean(false), true, 'a new store')
    equal(await store.swapClean(true), false, 'after no')
    equal(await store.swapClean(false), true, 'after yes')
    equal(await (await under.reopen()).swapClean(true), !under.durable, 'after no, opened again')
  })

  test('what settled is there after opening again, where the store is durable', async (under) => {
    const rows = Array.from({ length: 50 }, (_, i) => token(`id ${i}`))
    await Promise.all(rows.map((row) => write(under.store, { tokens: [row], deadLetters: [deadLetter(1)] })))
    const again = await under.reopen()
    const names = rows.map(({ id }) => id)
    equal(ids((await again.read({ tokens: { id: names } })).tokens), under.durable ? names.sort() : [], 'tokens')
    await write(again, { deadLetters: [deadLetter(2)] })
    equal((await again.deadLetters(1))[0]?.at, 2, 'the newest dead letter')
    equal((await again.deadLetters(100)).length, under.durable ? 51 : 1, 'dead letters')
  })

  test('secrets are kept encrypted, where the store has a key', async (under) => {
    const row = token('a', { deviceToken: 'a device token that nobody may know' })
    const theirs = subscription('a')
    const text = 'an item that names a queue'
    const service = server('server', { serviceKey: bytesOf('the key of a service', 48) })
    const body = bytesOf('the body of an answer', 60)
    await write(under.store, {
      tokens: [row],
      subscriptions: [theirs],
      notifications: [{ ...notification('a', 1), text }],
      servers: [service],
      answers: [answer('x', { body })],
    })
    if (under.stored === undefined) return
    equal(await isStored(under, 'smp://server'), true, 'what is no secret is found in what is stored')
    const secrets = {
      deviceToken: row.deviceToken,
      serverKey: row.serverKey,
      secret: row.secret,
      code: row.code,
      notifierId: theirs.notifierId,
      notifierKey: theirs.notifierKey,
      text,
      serviceKey: service.serviceKey ?? '',
      body,
    }
    for (const [name, value] of Object.entries(secrets)) equal(await isStored(under, value), !under.encrypted, name)
  })

  test('close waits for what is running, and then refuses all calls', async ({ store }) => {
    const running = write(store, { tokens: [token('a')] })
    const closing = store.close()
    await running
    await closing
    await store.close()
    const calls = {
      read: () => store.read({}),
      atomic: () => write(store, {}),
      due: () => store.due('tokens', 1, 1),
      page: () => store.page('outbox', { limit: 1 }),
      deadLetters: () => store.deadLetters(1),
      swapClean: () => store.swapClean(true),
    }
    for (const [name, call] of Object.entries(calls)) {
      equal(((await failure(call(), name)) as { code?: unknown }).code, 'CLOSED', name)
    }
    equal(await store.closed, undefined, 'why it is closed')
  })
}
