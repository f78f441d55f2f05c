import { PrivateKey, PublicKey, randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { NtfClient, type NtfReplyError } from '@smpkit/ntf-protocol'
import { openPush, tokenSecret } from '@smpkit/push-providers/payload'
import { createServerIdentity } from '@smpkit/smp-transport'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Logger } from '../logger.js'
import { memoryStore } from '../memory-store.js'
import { createNotificationServer, type NotificationServerOptions } from '../server.js'
import { FakeProvider, FakeSubscriber, intercepted, serverOf } from '../testing/fakes.js'
import { ManualClock } from '../testing/manual-clock.js'
import { address } from '../testing/setup.js'
import { type NtfDoorOptions, ntfDoor } from './door.js'

const identity = createServerIdentity()

async function start(
  more: Partial<NotificationServerOptions> = {},
  door: Partial<NtfDoorOptions> = {},
  names = ['apns_null', 'apns_prod', 'apns_test'],
) {
  const subscriber = new FakeSubscriber()
  const providers = names.map((name) => new FakeProvider(name))
  const front = ntfDoor({ identity, host: '127.0.0.1', port: 0, ...door })
  const store = more.store ?? memoryStore()
  const server = await createNotificationServer({
    subscriber,
    providers,
    doors: [front],
    ...more,
    store,
  })
  onTestFinished(() => server.close())
  const client = new NtfClient(front.address())
  onTestFinished(() => client.close())
  const pushes = () => providers.flatMap((provider) => provider.pushes)
  return { server, store, subscriber, providers, front, client, pushes }
}
type Started = Awaited<ReturnType<typeof start>>

const none = new Uint8Array(0)
const bytes = (text: string) => new TextEncoder().encode(text)

function phone(token = 'xyzw', key = PrivateKey.generate('ed25519')) {
  const dh = PrivateKey.generate('x25519')
  const tnew = {
    command: { tag: 'TNEW', provider: 'AP', token: bytes(token), authKey: key.publicKey, dhKey: dh.publicKey },
    key,
  } as const
  return { key, dh, tnew }
}

/** A token that was verified. */
async function active({ client, pushes }: Started, token = 'xyzw', key = PrivateKey.generate('ed25519')) {
  const { tnew, dh } = phone(token, key)
  const { tokenId, dhKey } = await client.request(tnew)
  await expect.poll(() => pushes().some((push) => push.token === token)).toBe(true)
  const push = pushes().find((one) => one.token === token)
  const opened = openPush(tokenSecret(dh, dhKey), push?.notificationData)
  if (opened.kind !== 'verification') throw new Error('expected a code')
  await client.request({ command: { tag: 'TVFY', code: opened.code }, entityId: tokenId, key })
  return { tokenId, key }
}

const snew = (tokenId: Uint8Array, key: PrivateKey<'ed25519'>, notifierId = randomBytes(24)) =>
  ({
    command: {
      tag: 'SNEW',
      tokenId,
      server: address(),
      notifierId,
      notifierKey: PrivateKey.generate('ed25519'),
    },
    key,
  }) as const

const refusedWith = (code: string) => (error: unknown) => (error as NtfReplyError).code === code

test('takes a device from its registration to a subscription', async () => {
  const started = await start()
  const { tokenId, key } = await active(started)
  const { client, subscriber } = started
  expect(await client.request({ command: { tag: 'TCHK' }, entityId: tokenId, key })).toMatchObject({ status: 'ACTIVE' })
  const { subscriptionId } = await client.request(snew(tokenId, key))
  subscriber.emit({ type: 'up', server: serverOf(address()), serviceId: null })
  await vi.waitFor(async () => {
    const state = await client.request({ command: { tag: 'SCHK' }, entityId: subscriptionId, key })
    expect(state).toMatchObject({ status: 'ACTIVE' })
  })
  expect(subscriber.subscribed).toHaveLength(1)
  expect(started.front.metrics()).toMatchObject({ connections: 1, commands: { TNEW: 1, SNEW: 1 }, errors: {} })
})

test('carries out commands that come together in their order', async () => {
  const started = await start()
  const { tokenId, key } = await active(started)
  const { client } = started
  const session = await client.connected()
  const of = (command: { tag: 'TCHK' | 'TDEL' }) => ({ command, entityId: tokenId, key }) as const
  const outcomes = await session.requestAll([
    snew(tokenId, key),
    snew(tokenId, key),
    of({ tag: 'TCHK' }),
    of({ tag: 'TDEL' }),
    of({ tag: 'TCHK' }),
    snew(tokenId, key),
  ])
  const answers = outcomes.map(({ response, error }) => response?.tag ?? error?.code)
  expect(answers).toEqual(['IDSUB', 'IDSUB', 'TKN', 'OK', 'AUTH', 'AUTH'])
})

test('subscribes very many queues at once in few transactions', async () => {
  let transactions = 0
  const store = intercepted(memoryStore(), (name, call) => {
    if (name === 'atomic') transactions++
    return call()
  })
  const started = await start({ store })
  const { tokenId, key } = await active(started)
  transactions = 0
  const outcomes = await started.client.requestAll(Array.from({ length: 500 }, () => snew(tokenId, key)))
  expect(outcomes.filter(({ response }) => response).length).toBe(500)
  expect(transactions).toBeLessThan(150)
})

test('W12: drops a connection whose command the store failed, says nothing of it, and serves the others', async () => {
  let fails = false
  const store = intercepted(memoryStore(), (name, call) =>
    fails && name === 'atomic' ? Promise.reject(new Error('INSERT INTO secret')) : call(),
  )
  const lines: unknown[] = []
  const log = (...line: unknown[]) => lines.push(line)
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const started = await start({ store, logger })
  const { tokenId, key } = await active(started)
  const other = new NtfClient(started.front.address())
  onTestFinished(() => other.close())
  await other.connected()
  fails = true
  await expect(started.client.request(snew(tokenId, key))).rejects.toMatchObject({ code: 'CLOSED', temporary: true })
  fails = false
  expect(await other.request(snew(tokenId, key))).toMatchObject({ tag: 'IDSUB' })
  expect(JSON.stringify(lines)).not.toContain('secret')
  expect(JSON.stringify(lines)).toContain('a command of an NTF client has failed')
})

test('the test provider is let in where the operator wants it, and refused as prohibited elsewhere', async () => {
  const { key, tnew } = phone()
  const command = { ...tnew.command, provider: 'AT' } as const
  const closed = await start()
  await expect(closed.client.request({ command, key })).rejects.toMatchObject({
    error: { code: 'CMD', inner: { code: 'PROHIBITED' } },
  })
  const open = await start({}, { testProvider: true })
  expect(await open.client.request({ command, key })).toMatchObject({ tag: 'IDTKN' })
  // A provider that the operator has no key for.
  await expect(open.client.request({ command: { ...command, provider: 'AD' }, key })).rejects.toMatchObject({
    error: { code: 'CMD', inner: { code: 'PROHIBITED' } },
  })
})

test('a key of low order is bad syntax, and the connection goes on', async () => {
  const started = await start()
  const { tnew } = phone()
  const session = await started.client.connected()
  const dhKey = PublicKey.fromRaw('x25519', new Uint8Array(32))
  const outcomes = await session.requestAll([{ ...tnew, command: { ...tnew.command, dhKey } }, tnew])
  expect(outcomes[0]?.error).toMatchObject({ error: { code: 'CMD', inner: { code: 'SYNTAX' } } })
  expect(outcomes[1]?.response?.tag).toBe('IDTKN')
})

test('does not start without the providers that the protocol promises', async () => {
  await expect(start({}, {}, ['apns_prod'])).rejects.toThrow('expected the provider apns_null')
  await expect(start({}, { testProvider: true }, ['apns_null'])).rejects.toThrow('expected the provider apns_test')
})

test('a wrong code is refused as often as it comes, and the right one still counts', async () => {
  const started = await start()
  const { tnew, key, dh } = phone()
  const { tokenId, dhKey } = await started.client.request(tnew)
  const verify = (code: Uint8Array) =>
    started.client.request({ command: { tag: 'TVFY', code }, entityId: tokenId, key })
  for (let i = 0; i < 12; i++) await expect(verify(randomBytes(32))).rejects.toSatisfy(refusedWith('AUTH'))
  const [push] = started.pushes()
  const opened = openPush(tokenSecret(dh, dhKey), push?.notificationData)
  if (opened.kind !== 'verification') throw new Error('expected a code')
  expect(await verify(opened.code)).toEqual({ tag: 'OK' })
  expect(started.pushes()).toHaveLength(1)
})

test('a device may be replaced on a verified token only by what no other token of its key has', async () => {
  const started = await start()
  const first = await active(started, 'first')
  const second = await active(started, 'second', first.key)
  const trpl = (token: string) =>
    started.client.request({
      command: { tag: 'TRPL', provider: 'AP', token: bytes(token) },
      entityId: first.tokenId,
      key: first.key,
    })
  await expect(trpl('second')).rejects.toSatisfy(refusedWith('AUTH'))
  expect(await trpl('third')).toEqual({ tag: 'OK' })
  // Of the same owner, but of another token.
  const queue = randomBytes(24)
  const item = snew(second.tokenId, second.key, queue)
  expect(await started.client.request(item)).toMatchObject({ tag: 'IDSUB' })
  await expect(
    started.client.request({ ...item, command: { ...item.command, tokenId: first.tokenId } }),
  ).rejects.toSatisfy(refusedWith('AUTH'))
})

test('registrations beyond the limit wait, and other commands do not', async () => {
  const started = await start({ limits: { registrations: 3 } })
  const { tokenId, key } = await active(started)
  for (const token of ['a', 'b']) await started.client.request(phone(token).tnew)
  const late = new NtfClient(started.front.address())
  onTestFinished(() => late.close())
  const waiting = late.request(phone('c').tnew).catch((error) => error)
  await late.connected()
  expect(await started.client.request({ command: { tag: 'TCHK' }, entityId: tokenId, key })).toBeDefined()
  expect(started.pushes().some((push) => push.token === 'c')).toBe(false)
  await late.close()
  expect(await waiting).toMatchObject({ code: 'CLOSED' })
})

test('a registration that waits is none when its client leaves', async () => {
  const clock = new ManualClock()
  const started = await start({ clock, limits: { registrations: 1 } })
  await started.client.request(phone('first').tnew)
  const timers = clock.timers
  for (const token of ['second', 'third']) {
    const late = new NtfClient(started.front.address())
    onTestFinished(() => late.close())
    const waiting = late.request(phone(token).tnew).catch((error) => error)
    await vi.waitFor(() => expect(clock.timers).toBe(timers + 1))
    await late.close()
    expect(await waiting).toMatchObject({ code: 'CLOSED' })
    await vi.waitFor(() => expect(started.front.metrics().connections).toBe(1))
  }
  const { tokens } = started.server.metrics()
  expect(Object.values(tokens).reduce((sum, count) => sum + count, 0)).toBe(1)
})

test('a device that replaces another waits for its turn as one that is registered', async () => {
  const clock = new ManualClock()
  const started = await start({ clock, limits: { registrations: 3 } })
  const { tokenId, key } = await active(started)
  const trpl = (token: string) =>
    started.client.request({
      command: { tag: 'TRPL', provider: 'AP', token: bytes(token) },
      entityId: tokenId,
      key,
    })
  for (const token of ['a', 'b']) expect(await trpl(token)).toEqual({ tag: 'OK' })
  await vi.waitFor(() => expect(started.pushes().at(-1)?.token).toBe('b'))
  const timers = clock.timers
  const waiting = trpl('c')
  await vi.waitFor(() => expect(clock.timers).toBe(timers + 1))
  await clock.advance(1_200_000)
  expect(await waiting).toEqual({ tag: 'OK' })
})

test('a token in use never expires, whatever its client asks', async () => {
  const clock = new ManualClock()
  const day = 86_400_000
  const started = await start({ clock, limits: { maintenanceEvery: day } })
  const tags = ['TNEW', 'TVFY', 'TCHK', 'TCRN', 'SNEW', 'SCHK', 'none'] as const
  const clients = await Promise.all(
    tags.map(async (tag) => {
      const { tnew, key } = phone(`phone of ${tag}`)
      const { tokenId: entityId } = await started.client.request(tnew)
      const { tokens } = await started.store.read({ tokens: { id: [toBase64url(entityId)] } })
      const tvfy = { command: { tag: 'TVFY', code: tokens[0]?.code ?? none }, entityId, key } as const
      await started.client.request(tvfy)
      const item = snew(entityId, key)
      const { subscriptionId } = await started.client.request(item)
      const asked = {
        TNEW: tnew,
        TVFY: tvfy,
        TCHK: { command: { tag: 'TCHK' }, entityId, key },
        TCRN: { command: { tag: 'TCRN', minutes: 0 }, entityId, key },
        SNEW: item,
        SCHK: { command: { tag: 'SCHK' }, entityId: subscriptionId, key },
        none: undefined,
      } as const
      return { asked: asked[tag], check: asked.TCHK }
    }),
  )
  for (let round = 0; round < 2; round++) {
    await clock.advance(50 * day)
    await started.client.requestAll(clients.flatMap(({ asked }) => (asked ? [asked] : [])))
  }
  const states = await Promise.all(clients.map(({ check }) => started.client.request(check)))
  expect(states.map(({ status }) => status)).toEqual([...Array(6).fill('ACTIVE'), 'EXPIRED'])
})

test('who does not have the key of a token commands nothing of it', async () => {
  const started = await start()
  const { tokenId, key } = await active(started)
  const { subscriptionId } = await started.client.request(snew(tokenId, key))
  const stranger = PrivateKey.generate('ed25519')
  const { tnew } = phone()
  const outcomes = await started.client.requestAll([
    { ...snew(tokenId, key), key: stranger },
    { ...tnew, key: stranger },
    ...(['TCHK', 'TDEL'] as const).map((tag) => ({ command: { tag }, entityId: tokenId, key: stranger })),
    ...(['SCHK', 'SDEL'] as const).map((tag) => ({ command: { tag }, entityId: subscriptionId, key: stranger })),
  ])
  expect(outcomes.map(({ error }) => error?.code)).toEqual(Array(6).fill('AUTH'))
  const own = await started.client.request({ command: { tag: 'SCHK' }, entityId: subscriptionId, key })
  expect(own).toMatchObject({ tag: 'SUB' })
})

test('subscriptions are for tokens that were verified, also those of before a replaced device', async () => {
  const started = await start()
  const { tnew, key: unverified } = phone('new')
  const { tokenId: newId } = await started.client.request(tnew)
  await expect(started.client.request(snew(newId, unverified))).rejects.toSatisfy(refusedWith('AUTH'))
  const { tokenId, key } = await active(started)
  const { subscriptionId } = await started.client.request(snew(tokenId, key))
  const trpl = { tag: 'TRPL', provider: 'AP', token: bytes('another') } as const
  await started.client.request({ command: trpl, entityId: tokenId, key })
  for (const tag of ['SCHK', 'SDEL'] as const) {
    const asked = started.client.request({ command: { tag }, entityId: subscriptionId, key })
    await expect(asked).rejects.toSatisfy(refusedWith('AUTH'))
  }
})

test('D14: a notifier that its client deleted wakes no device', async () => {
  const started = await start()
  const { tokenId, key } = await active(started)
  const [deleted, other] = [randomBytes(24), randomBytes(24)]
  for (const id of [deleted, other]) await started.client.request(snew(tokenId, key, id))
  const server = serverOf(address())
  const before = started.pushes().length
  started.subscriber.emit({ type: 'deleted', server, notifierId: deleted })
  await expect.poll(() => started.server.metrics().subscriptions).toMatchObject({ deleted: 1 })
  const [nonce, encMeta] = [randomBytes(24), randomBytes(144)]
  started.subscriber.emit({ type: 'notification', server, notifierId: other, nonce, encMeta })
  const kinds = () =>
    started
      .pushes()
      .slice(before)
      .map(({ kind }) => kind)
  await expect.poll(kinds).toEqual(['message'])
})

test('the devices of one key are counted by a limit of their own', async () => {
  const started = await start({ limits: { tokens: 1, tokensNtf: 2 } })
  const key = PrivateKey.generate('ed25519')
  const register = (token: string) => started.client.request(phone(token, key).tnew)
  for (const token of ['a', 'b']) expect(await register(token)).toMatchObject({ tag: 'IDTKN' })
  await expect(register('c')).rejects.toSatisfy(refusedWith('QUOTA'))
})

test('the queues of one client are counted by a limit of their own', async () => {
  const started = await start({ limits: { subscriptions: 1, subscriptionsNtf: 2 } })
  const { tokenId, key } = await active(started)
  const outcomes = await started.client.requestAll([1, 2, 3].map(() => snew(tokenId, key)))
  expect(outcomes.map(({ response, error }) => response?.tag ?? error?.code)).toEqual(['IDSUB', 'IDSUB', 'QUOTA'])
})

test('one owner names only so many new SMP servers a day', async () => {
  const started = await start({ limits: { newServersNtf: 2 } })
  const { tokenId, key } = await active(started)
  const at = (fill: number) => {
    const item = snew(tokenId, key)
    return { ...item, command: { ...item.command, server: address('smp.example.com', fill) } }
  }
  const outcomes = await started.client.requestAll([at(1), at(2), at(3), at(1)])
  expect(outcomes.map(({ response, error }) => response?.tag ?? error?.code)).toEqual([
    'IDSUB',
    'IDSUB',
    'QUOTA',
    'IDSUB',
  ])
})

test('R14: a connection in which nothing happens is ended, and the next one is served', async () => {
  const started = await start({}, { idleTimeout: 300 })
  const { tokenId, key } = await active(started)
  const session = await started.client.connected()
  expect(await session.closed).toMatchObject({ code: 'CLOSED' })
  const again = new NtfClient(started.front.address())
  onTestFinished(() => again.close())
  expect(await again.request({ command: { tag: 'TCHK' }, entityId: tokenId, key })).toMatchObject({ status: 'ACTIVE' })
})
