import { PrivateKey } from '@smpkit/crypto'
import { describe, expect, test } from 'vitest'
import { settled } from './testing/manual-clock.js'
import { address, addressText, allAnswered, Device, down, Queue, setUp, up } from './testing/setup.js'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const refusal = (code: string, reason: string) =>
  expect.objectContaining({ name: 'NotificationServerError', code, reason })

async function withDevice() {
  const setup = await setUp()
  const device = await new Device().activate(setup)
  setup.subscriber.emit(up())
  const queue = new Queue(1)
  return { ...setup, setup, device, queue }
}

describe('adding a subscription', () => {
  test('answers active after the SMP server did', async () => {
    const { setup, device, queue, server, subscriber } = await withDevice()
    subscriber.answer = 'none'
    const added = queue.add(setup, device)
    await settled()
    subscriber.emit(up(), queue.event('subscribed'))
    const { id, ...state } = await added
    expect(state).toMatchObject({ status: 'active', reason: null, created: true })
    expect(await server.subscriptions.list({ owner: device.owner, limit: 9 })).toMatchObject({
      items: [{ id, status: 'active' }],
      more: false,
    })
  })

  test('answers conflict when the SMP server does not accept the key, and keeps nothing', async () => {
    const { setup, device, queue, server, subscriber } = await withDevice()
    subscriber.answer = 'AUTH'
    await expect(queue.add(setup, device)).rejects.toEqual(refusal('CONFLICT', 'auth'))
    expect(await server.subscriptions.list({ owner: device.owner, limit: 9 })).toEqual({ items: [], more: false })
  })

  test('answers pending when the SMP server says nothing for as long as it may take, and goes on', async () => {
    const { setup, device, queue, server, subscriber, clock } = await withDevice()
    subscriber.answer = 'none'
    const added = queue.add(setup, device, 5000)
    await clock.advance(4999)
    await clock.advance(1)
    const { id, status, created } = await added
    expect({ status, created }).toEqual({ status: 'pending', created: true })
    subscriber.emit(up(), queue.event('subscribed'))
    await settled()
    expect(await server.subscriptions.get({ owner: device.owner, id })).toMatchObject({ status: 'active' })
  })

  test('does not wait where that is asked for', async () => {
    const { setup, device, queue, subscriber } = await withDevice()
    subscriber.answer = 'none'
    expect(await queue.add(setup, device, 0)).toMatchObject({ status: 'pending' })
  })

  test('stops waiting when it is aborted or the server is closed', async () => {
    const { setup, device, queue, subscriber, server, clock } = await withDevice()
    subscriber.answer = 'none'
    const abort = new AbortController()
    const { notifierId, notifierKey } = queue
    const given = { owner: device.owner, server: queue.server, notifierId, notifierKey, token: device.id }
    const aborted = server.subscriptions.add({ ...given, signal: abort.signal })
    await settled()
    abort.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const waiting = new Queue(2).add(setup, device)
    await settled()
    await server.close()
    expect(await waiting).toMatchObject({ status: 'pending' })
    expect(clock.timers).toBe(0)
  })

  test('a second time by its owner changes nothing but the token, and what is owed goes to that', async () => {
    const { setup, device, queue, provider, subscriber } = await withDevice()
    const first = await queue.add(setup, device)
    provider.hold = true
    subscriber.emit(queue.notification())
    await settled()
    const other = await new Device('owner', 'second phone').register(setup)
    expect(await queue.add(setup, other)).toMatchObject({ id: first.id, created: false })
    const { notifications } = await setup.store.read({ notifications: { subscription: [first.id] } })
    expect(notifications).toMatchObject([{ token: other.id }])
    provider.hold = false
    expect(subscriber.subscribed).toEqual([queue.hex])
    subscriber.emit(queue.notification())
    await settled()
    // Not active yet: nothing is pushed to it.
    expect(other.open(provider.pushes).filter(({ kind }) => kind === 'message')).toEqual([])
    const { tokens } = await setup.store.read({ tokens: { id: [other.id] } })
    await setup.server.tokens.verify({ ...other, code: tokens[0]?.code as Uint8Array })
    await settled()
    expect(other.queues(provider.pushes)).toContain('1')
  })

  test('of another owner’s notifier is a conflict', async () => {
    const { setup, device, queue } = await withDevice()
    await queue.add(setup, device)
    const stranger = await new Device('stranger').activate(setup)
    await expect(queue.add(setup, stranger)).rejects.toEqual(refusal('CONFLICT', 'taken'))
    // A server is its key hash, whatever its hosts are called (W18).
    const elsewhere = { ...queue, add: queue.add, server: address('other.example.com') }
    await expect(elsewhere.add(setup, stranger)).rejects.toEqual(refusal('CONFLICT', 'taken'))
  })

  test('with another key than before is a conflict', async () => {
    const { setup, device, queue } = await withDevice()
    await queue.add(setup, device)
    const forged = { ...queue, add: queue.add, notifierKey: PrivateKey.generate('ed25519') }
    await expect(forged.add(setup, device)).rejects.toEqual(refusal('CONFLICT', 'auth'))
  })

  test('with a token that is deleted at the same moment is not kept up', async () => {
    for (let ticks = 0; ticks < 20; ticks++) {
      const { setup, device, queue, server, subscriber } = await withDevice()
      await new Queue(2).add(setup, device, 0)
      const adding = queue.add(setup, device, 0).then(
        () => 'added',
        () => 'refused',
      )
      for (let i = 0; i < ticks; i++) await null
      await server.tokens.remove(device)
      expect(await adding).toMatch(/added|refused/)
      expect([...subscriber.kept]).toEqual([])
    }
  })

  test('for no token of the owner is not found', async () => {
    const { setup, queue } = await withDevice()
    const stranger = await new Device('stranger').register(setup)
    const thief = Object.assign(Object.create(stranger) as Device, { owner: 'owner' })
    await expect(queue.add(setup, thief)).rejects.toEqual(refusal('NOT_FOUND', 'token'))
  })

  test.each([
    ['text that is no address', 'smp.example.com'],
    ['another scheme', addressText().replace('smp:', 'ntf:')],
    ['a password', addressText().replace('@', ':secret@')],
    ['a short key hash', 'smp://AAAA@smp.example.com'],
    [
      'an address that no push could name',
      addressText(Array.from({ length: 60 }, (_, i) => `long-name-${i}.example.com`).join()),
    ],
  ])('on %s is a bad request', async (_, server) => {
    const { setup, device, queue } = await withDevice()
    const { notifierId, notifierKey } = queue
    const given = { owner: device.owner, server, notifierId, notifierKey, token: device.id }
    await expect(setup.server.subscriptions.add(given)).rejects.toEqual(refusal('BAD_REQUEST', 'server'))
  })

  test('beyond the limit is refused', async () => {
    const setup = await setUp({ limits: { subscriptions: 2 } })
    const device = await new Device().activate(setup)
    await new Queue(1).add(setup, device)
    await new Queue(2).add(setup, device)
    await expect(new Queue(3).add(setup, device)).rejects.toEqual(refusal('LIMIT', 'subscriptions'))
  })
})

describe('a subscription', () => {
  async function active() {
    const context = await withDevice()
    const { id } = await context.queue.add(context.setup, context.device)
    context.subscriber.emit(up())
    await settled()
    context.subscriber.subscribed.length = 0
    const owned = { owner: context.device.owner, id }
    const state = () => context.server.subscriptions.get(owned)
    const emit = async (...events: Parameters<typeof context.subscriber.emit>) => {
      context.subscriber.emit(...events)
      await settled()
    }
    return { ...context, owned, state, emit }
  }

  test('is inactive, with the reason, while its server is down', async () => {
    const { state, emit, clock } = await active()
    await clock.advance(minute)
    await emit(down(false))
    expect(await state()).toMatchObject({ status: 'inactive', reason: 'server down', updatedAt: clock.now() })
    await emit(up(), allAnswered())
    expect(await state()).toMatchObject({ status: 'active', reason: null })
  })

  test('that another client took is asked for once more after a minute; a second time within a day is final', async () => {
    const { state, emit, queue, subscriber, clock, device, provider } = await active()
    subscriber.answer = 'none'
    await emit(queue.event('ended'))
    expect(await state()).toMatchObject({ status: 'ended' })
    await clock.advance(50_000)
    expect(subscriber.subscribed).toEqual([])
    await clock.advance(30_000)
    expect(subscriber.subscribed).toEqual([queue.hex])
    await emit(queue.event('subscribed'))
    expect(await state()).toMatchObject({ status: 'active' })
    await emit(queue.event('ended'))
    await clock.advance(2 * day)
    expect(subscriber.subscribed).toEqual([queue.hex])
    // Pitfall: a late answer must not revive it.
    await emit(queue.event('subscribed'))
    expect(await state()).toMatchObject({ status: 'ended' })
    expect(device.queues(provider.pushes)).toEqual(['check'])
  })

  test('of a deleted queue is final, and its device is told to look', async () => {
    const { state, emit, queue, subscriber, clock, device, provider } = await active()
    await emit(queue.event('deleted'))
    expect(await state()).toMatchObject({ status: 'deleted' })
    expect(device.queues(provider.pushes)).toEqual(['check'])
    await clock.advance(2 * day)
    expect(subscriber.subscribed).toEqual([])
  })

  test('W9: that is refused later is tried after 1, 10, 60 minutes, every 6 hours for 7 days, then never', async () => {
    const { state, emit, queue, subscriber, clock, device, provider } = await active()
    subscriber.answer = 'AUTH'
    const times: number[] = []
    const began = clock.now()
    await emit(queue.refused('AUTH'))
    while (clock.now() - began < 10 * day) {
      await clock.advance(minute)
      if (times.length < subscriber.subscribed.length) times.push(Math.round((clock.now() - began) / minute))
    }
    expect(times.slice(0, 4).map((time, i) => time - (times[i - 1] ?? 0))).toEqual(
      [1, 10, 60, 360].map((delay) => expect.closeTo(delay, -0.5)),
    )
    expect(times).toHaveLength(3 + 28)
    expect(await state()).toMatchObject({ status: 'auth' })
    expect(device.queues(provider.pushes)).toEqual(['check'])
  })

  test('with another error is final, with its word as the reason', async () => {
    const { state, emit, queue } = await active()
    await emit(queue.refused('CMD'))
    expect(await state()).toMatchObject({ status: 'error', reason: 'CMD' })
  })

  test('that ended is not revived when the service ends (W7)', async () => {
    const { emit, queue, subscriber } = await active()
    await emit(queue.event('deleted'), { type: 'serviceEnded', server: up().server })
    expect(subscriber.subscribed).toEqual([])
  })

  test('is verified by one NSUB a day', async () => {
    const { queue, subscriber, clock } = await active()
    await clock.advance(3 * day)
    expect(subscriber.subscribed).toEqual([queue.hex, queue.hex, queue.hex])
  })

  test('that is removed is forgotten with its notification', async () => {
    const { owned, server, queue, subscriber, provider, emit } = await active()
    provider.hold = true
    await emit(queue.notification())
    await emit(queue.notification())
    await server.subscriptions.remove(owned)
    provider.release()
    await settled()
    expect(subscriber.unsubscribed).toEqual([queue.hex])
    expect(provider.pushes).toHaveLength(1)
    await emit(queue.notification())
    expect(provider.pushes).toHaveLength(1)
    await expect(server.subscriptions.get(owned)).rejects.toEqual(refusal('GONE', 'subscription'))
    expect(await server.status()).toMatchObject({ subscriptions: {} })
  })

  test('names its server in pushes as its owner did last', async () => {
    const { setup, device, queue, subscriber, emit, provider, owned } = await active()
    const spelled = address('other.example.com')
    const { notifierId, notifierKey } = queue
    const given = { owner: device.owner, server: spelled, notifierId, notifierKey, token: device.id, wait: 0 }
    expect(await setup.server.subscriptions.add(given)).toMatchObject({ id: owned.id, created: false })
    expect(subscriber.subscribed).toEqual([])
    await emit(queue.notification())
    const [push] = device.open(provider.pushes)
    expect(push?.kind === 'message' && push.items.map(({ server }) => server.hosts[0]?.text)).toEqual([
      'other.example.com',
    ])
  })

  test('is nobody’s but its owner’s', async () => {
    const { owned, server } = await active()
    const stranger = { owner: 'stranger', id: owned.id }
    await expect(server.subscriptions.get(stranger)).rejects.toEqual(refusal('NOT_FOUND', 'subscription'))
    await expect(server.subscriptions.remove(stranger)).rejects.toEqual(refusal('NOT_FOUND', 'subscription'))
    expect(await server.subscriptions.list({ owner: 'stranger', limit: 9 })).toEqual({ items: [], more: false })
  })

  test('moves with all of its server when that is down and answers at an address that a later one names', async () => {
    const { setup, device, queue, subscriber, emit, server, clock } = await active()
    const moved = new Queue(2, address('new.example.com'))
    subscriber.reachable = ({ hosts }) => hosts[0]?.text === 'new.example.com'
    await moved.add(setup, device)
    await settled()
    expect(subscriber.hosts.get(queue.hex)).toBe('smp.example.com')
    await emit(down(false))
    const unreachable = new Queue(3, address('no.example.com'))
    await unreachable.add(setup, device, 0)
    await clock.advance(minute)
    expect(subscriber.hosts.get(queue.hex)).toBe('smp.example.com')
    await new Queue(4, address('new.example.com')).add(setup, device, 0)
    await settled()
    expect(subscriber.hosts.get(queue.hex)).toBe('new.example.com')
    expect((await server.status()).servers).toMatchObject([{ address: addressText('new.example.com') }])
  })
})
