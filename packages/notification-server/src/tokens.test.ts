import { PrivateKey, PublicKey, randomBytes, sha256 } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import type { Selection } from './store.js'
import { FakeProvider, intercepted } from './testing/fakes.js'
import { settled } from './testing/manual-clock.js'
import { address, Device, Queue, setUp, up } from './testing/setup.js'

const minute = 60_000
const refusal = (code: string, reason: string) =>
  expect.objectContaining({ name: 'NotificationServerError', code, reason })

describe('a token', () => {
  test('is registered, confirmed when the provider accepts, active when the code comes back', async () => {
    const setup = await setUp()
    const { server, provider } = setup
    provider.hold = true
    const device = await new Device().register(setup)
    expect(await server.tokens.get(device)).toMatchObject({ status: 'registered' })
    provider.release()
    await settled()
    expect(await server.tokens.get(device)).toMatchObject({ status: 'confirmed' })
    const code = device.code(provider.pushes)
    expect(code).toHaveLength(32)
    await server.tokens.verify({ ...device, code })
    expect(await server.tokens.get(device)).toMatchObject({ status: 'active', reason: null })
    // For lost answers.
    await server.tokens.verify({ ...device, code })
  })

  test('that is registered again keeps its id, our key and its code', async () => {
    const setup = await setUp()
    const device = await new Device().register(setup)
    const { dhKey, provider, token, owner } = { ...device, dhKey: device.key.publicKey }
    const again = await setup.server.tokens.add({ owner, provider, token, dhKey })
    await settled()
    expect(again).toMatchObject({ id: device.id, created: false })
    const [first, second] = device.open(setup.provider.pushes)
    expect(second).toEqual(first)
    const other = PrivateKey.generate('x25519').publicKey
    await expect(setup.server.tokens.add({ owner, provider, token, dhKey: other })).rejects.toEqual(
      refusal('CONFLICT', 'dhKey'),
    )
  })

  test('has ten tries for its code, then there is a new one', async () => {
    const setup = await setUp()
    const { server, provider } = setup
    const device = await new Device().register(setup)
    const code = device.code(provider.pushes)
    const wrong = { ...device, code: randomBytes(32) }
    for (let i = 0; i < 9; i++) await expect(server.tokens.verify(wrong)).rejects.toEqual(refusal('FORBIDDEN', 'code'))
    await settled()
    expect(provider.pushes).toHaveLength(1)
    await expect(server.tokens.verify({ ...device, code: code.subarray(1) })).rejects.toEqual(
      refusal('FORBIDDEN', 'code'),
    )
    await settled()
    await expect(server.tokens.verify({ ...device, code })).rejects.toEqual(refusal('FORBIDDEN', 'code'))
    await server.tokens.verify({ ...device, code: device.code(provider.pushes) })
  })

  test('is nobody’s but its owner’s', async () => {
    const setup = await setUp()
    const { tokens } = setup.server
    const { id } = await new Device().register(setup)
    const stranger = { owner: 'stranger', id }
    const notFound = refusal('NOT_FOUND', 'token')
    await expect(tokens.get(stranger)).rejects.toEqual(notFound)
    await expect(tokens.remove(stranger)).rejects.toEqual(notFound)
    await expect(tokens.verify({ ...stranger, code: randomBytes(32) })).rejects.toEqual(notFound)
    await expect(tokens.replace({ ...stranger, provider: 'fake', token: 'x' })).rejects.toEqual(notFound)
    await expect(tokens.setPeriod({ ...stranger, minutes: 20 })).rejects.toEqual(notFound)
    await expect(tokens.get({ owner: 'owner', id: 'other' })).rejects.toEqual(notFound)
  })

  test('that is verified deletes other owners’ registrations of the device, with their subscriptions', async () => {
    const setup = await setUp()
    const { server, provider, subscriber } = setup
    const former = await new Device('former', 'the phone').activate(setup)
    const queue = new Queue(1)
    await queue.add(setup, former)
    const present = await new Device('present', 'the phone').register(setup)
    expect(await server.tokens.get(former)).toMatchObject({ status: 'active' })
    await server.tokens.verify({ ...present, code: present.code(provider.pushes) })
    await expect(server.tokens.get(former)).rejects.toEqual(refusal('GONE', 'token'))
    expect(await server.subscriptions.list({ owner: 'former', limit: 9 })).toMatchObject({ items: [] })
    expect(subscriber.unsubscribed).toEqual([queue.hex])
  })

  test.each([
    ['over NTF', true],
    ['as a service', false],
  ])('that is verified %s deletes the registration by the other way, and its queue is free', async (_, ntf) => {
    const setup = await setUp()
    const { server, subscriber, provider } = setup
    const former = await new Device('former', 'phone', 'fake', !ntf).activate(setup)
    subscriber.emit(up())
    const queue = new Queue(1)
    await queue.add(setup, former)
    const device = await new Device('owner', 'phone', 'fake', ntf).register(setup)
    expect(await server.tokens.get(former)).toMatchObject({ status: 'active' })
    await device.verify(setup)
    await expect(server.tokens.get(former)).rejects.toEqual(refusal('GONE', 'token'))
    expect([...subscriber.kept]).toEqual([])
    await queue.add(setup, device)
    provider.pushes.length = 0
    subscriber.emit(queue.notification())
    await settled()
    expect(device.queues(provider.pushes)).toEqual(['1'])
  })

  test('that is replaced keeps its secret and subscriptions, and is verified through the new device token', async () => {
    const setup = await setUp()
    const { server, provider } = setup
    const device = await new Device().activate(setup)
    const queue = new Queue(1)
    await queue.add(setup, device)
    await server.tokens.replace({ ...device, provider: 'fake', token: 'new' })
    await settled()
    expect(provider.pushes.map(({ token, kind }) => [token, kind])).toEqual([['new', 'verification']])
    setup.subscriber.emit(queue.notification())
    await settled()
    expect(provider.pushes).toHaveLength(1)
    const moved = Object.assign(Object.create(device) as Device, { token: 'new' })
    const opened = device.open([{ ...(provider.pushes[0] as (typeof provider.pushes)[0]), token: device.token }])[0]
    await server.tokens.verify({
      owner: moved.owner,
      id: moved.id,
      code: opened?.kind === 'verification' ? opened.code : randomBytes(1),
    })
    await settled()
    // What came between replacement and verification.
    expect(provider.pushes.map(({ token, kind }) => [token, kind])).toEqual([
      ['new', 'verification'],
      ['new', 'message'],
    ])
  })

  test('that is replaced while a push to the old device token is in flight is not made invalid by its answer', async () => {
    const setup = await setUp()
    const { server, provider } = setup
    provider.hold = true
    provider.outcomes.push({ outcome: 'gone', reason: 'Unregistered' })
    const device = await new Device().register(setup)
    await server.tokens.replace({ ...device, provider: 'fake', token: 'new' })
    provider.hold = false
    provider.release()
    await settled()
    expect(await server.tokens.get(device)).toMatchObject({ status: 'confirmed' })
    expect(provider.pushes.map(({ token }) => token)).toEqual([device.token, 'new'])
  })

  test('cannot be replaced by a device that its owner registered already', async () => {
    const setup = await setUp()
    const device = await new Device().register(setup)
    const other = await new Device('owner', 'other').register(setup)
    const { token, provider } = other
    await expect(setup.server.tokens.replace({ ...device, provider, token })).rejects.toEqual(
      refusal('CONFLICT', 'exists'),
    )
  })

  test('is refused where the provider or its token is none', async () => {
    const setup = await setUp()
    await expect(new Device('owner', 'x', 'unknown').register(setup)).rejects.toEqual(
      refusal('BAD_REQUEST', 'provider'),
    )
    await expect(new Device('owner', '').register(setup)).rejects.toEqual(refusal('BAD_REQUEST', 'token'))
  })

  test('is refused with a key of low order, with which there is no secret', async () => {
    const { server } = await setUp()
    for (const raw of [new Uint8Array(32), Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))]) {
      const dhKey = PublicKey.fromRaw('x25519', raw)
      const adding = server.tokens.add({ owner: 'owner', provider: 'fake', token: 'phone', dhKey })
      await expect(adding).rejects.toEqual(refusal('BAD_REQUEST', 'dhKey'))
    }
    expect(server.metrics().tokens).toEqual({})
  })

  test('costs no more where very many others have registered its device', async () => {
    const memory = memoryStore()
    const read: number[] = []
    const store = intercepted(memory, async (name, call, [selection]) => {
      if (name === 'atomic' || name === 'read') read.push((await memory.read(selection as Selection)).tokens.length)
      return call()
    })
    const setup = await setUp({ store })
    onTestFinished(() => setup.server.close())
    for (let i = 0; i < 20; i++) await new Device(`owner ${i}`, 'phone').register(setup)
    const device = await new Device('owner', 'phone').register(setup)
    read.length = 0
    await device.register(setup)
    await device.replace(setup, 'phone')
    const { server, notifierId, notifierKey } = new Queue(1)
    const token = { provider: 'fake', token: 'phone', dhKey: device.key.publicKey }
    await setup.server.subscriptions.add({ owner: 'owner', server, notifierId, notifierKey, token, wait: 0 })
    await settled()
    await expect(setup.server.tokens.verify({ ...device, code: randomBytes(32) })).rejects.toThrow('another')
    expect(Math.max(...read)).toBe(1)
  })

  test('is one of at most four of an owner', async () => {
    const setup = await setUp()
    for (let i = 0; i < 4; i++) await new Device('owner', `phone ${i}`).register(setup)
    await expect(new Device('owner', 'phone 4').register(setup)).rejects.toEqual(refusal('LIMIT', 'tokens'))
    await new Device('another', 'phone 4').register(setup)
  })

  test('shows how many subscriptions it has, and which by a hash', async () => {
    const setup = await setUp()
    const device = await new Device().activate(setup)
    const queues = [new Queue(1), new Queue(2)]
    for (const queue of queues) await queue.add(setup, device)
    const [a, b] = queues.map(({ notifierId }) => sha256(concat(address().keyHash, notifierId))) as [
      Uint8Array,
      Uint8Array,
    ]
    const hash = a.map((byte, i) => byte ^ (b[i] as number))
    expect((await setup.server.tokens.get(device)).subscriptions).toEqual({ count: 2, hash })
  })

  test('that is removed is forgotten with its subscriptions and pushes', async () => {
    const setup = await setUp()
    const { server, provider, subscriber } = setup
    const device = await new Device().activate(setup)
    const queue = new Queue(1)
    await queue.add(setup, device)
    provider.hold = true
    subscriber.emit(queue.notification())
    await settled()
    await server.tokens.remove(device)
    provider.release()
    await settled()
    expect(await server.status()).toMatchObject({ tokens: {}, subscriptions: {}, pushes: { owed: 0 } })
    expect(subscriber.unsubscribed).toEqual([queue.hex])
  })

  test('that is removed twice at the same moment was there for one of them', async () => {
    const setup = await setUp()
    const device = await new Device().activate(setup)
    const { tokens } = setup.server
    const results = await Promise.allSettled([tokens.remove(device), tokens.remove(device)])
    expect(results).toEqual([
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: refusal('GONE', 'token') },
    ])
  })
})

test('errors and logs hold no tokens, codes, keys or ids', async () => {
  const lines: string[] = []
  const log = (details: object, message: string) => void lines.push(JSON.stringify([details, message]))
  const setup = await setUp({ logger: { debug: log, info: log, warn: log, error: log } })
  const device = await new Device('owner-secret', 'token-secret').activate(setup)
  setup.provider.outcomes.push('throw', { outcome: 'gone', reason: 'Unregistered' })
  const queue = new Queue(1)
  await queue.add(setup, device)
  setup.subscriber.emit(queue.notification())
  await setup.clock.advance(minute)
  const error = await setup.server.tokens.get({ owner: 'owner-secret', id: 'id-secret' }).catch(String)
  expect(lines.length).toBeGreaterThan(2)
  expect([...lines, error].join()).not.toMatch(/secret/)
  for (const secret of [device.id, queue.hex]) expect(lines.join()).not.toContain(secret)
})

test('what is owed to a token that moves to another provider goes there, also after a restart without the old one', async () => {
  const [old, present] = [new FakeProvider('old'), new FakeProvider('present')]
  const setup = await setUp({ providers: [old, present] })
  const device = await new Device('owner', 'phone', 'old').activate({ ...setup, provider: old })
  const queue = new Queue(1)
  await queue.add(setup, device)
  old.outcomes.push({ outcome: 'retry', afterMs: 10 * minute, reason: '503' })
  setup.subscriber.emit(queue.notification())
  await settled()
  await setup.server.tokens.replace({ ...device, provider: 'present', token: 'new phone' })
  await settled()
  await setup.server.close()
  const second = await setUp({ store: setup.store, providers: [present], clock: setup.clock })
  const { tokens } = await setup.store.read({ tokens: { id: [device.id] } })
  await second.server.tokens.verify({ ...device, code: tokens[0]?.code as Uint8Array })
  await settled()
  expect(present.pushes.map(({ kind, token }) => [kind, token])).toEqual([
    ['verification', 'new phone'],
    ['message', 'new phone'],
  ])
})

test('gets so many verification pushes in an hour, whoever asks for them', async () => {
  const setup = await setUp({ limits: { verifications: 2 } })
  const { provider, clock } = setup
  for (const owner of ['a', 'b', 'c', 'd']) await new Device(owner, 'the phone').register(setup)
  expect(provider.pushes).toHaveLength(2)
  await clock.advance(31 * 60_000)
  expect(provider.pushes).toHaveLength(3)
  await clock.advance(31 * 60_000)
  expect(provider.pushes).toHaveLength(4)
})

test.each(['apns_null', 'apns_test'])(
  'a device of tests gets all its verification pushes at once: %s',
  async (name) => {
    const provider = new FakeProvider(name)
    const setup = await setUp({ providers: [provider], limits: { verifications: 2 } })
    for (const owner of ['a', 'b', 'c', 'd']) await new Device(owner, 'test_ntf_token', name).register(setup)
    expect(provider.pushes).toHaveLength(4)
  },
)
