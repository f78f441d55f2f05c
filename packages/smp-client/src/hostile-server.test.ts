import { PrivateKey, randomBytes } from '@smpkit/crypto'
import type { BrokerMessage } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import type { Request } from './requests.js'
import { SmpClientSession } from './session.js'
import type { SessionOptions } from './session-options.js'
import { fakeConnection, type Handler, ok } from './testing/fake-server.js'
import { ManualClock, settled } from './testing/manual-clock.js'

const key = PrivateKey.generate('ed25519')
const id = () => randomBytes(24)
const ping: Request<{ tag: 'PING' }> = { command: { tag: 'PING' } }
const nsubs = (count: number): Request<{ tag: 'NSUB' }>[] =>
  Array.from({ length: count }, () => ({ command: { tag: 'NSUB' }, entityId: id(), key }))
const nmsg = (): BrokerMessage => ({ tag: 'NMSG', nonce: id(), encMeta: randomBytes(144) })
const msg = (): BrokerMessage => ({ tag: 'MSG', msgId: id(), encBody: randomBytes(16_122) })

function open(handler?: Handler, options: SessionOptions = {}) {
  const { connection, peer } = fakeConnection(handler)
  const clock = new ManualClock()
  return { session: new SmpClientSession(connection, { clock, ...options }), peer, connection, clock }
}

const queue = () => ({ recipientId: id(), recipientKey: key, secret: new Uint8Array(32) })

describe('a server that is slow with some answers', () => {
  it('does not delay lists by a single request', async () => {
    const { session } = open((one, peer) => (one.command.tag === 'PING' ? undefined : ok(one, peer)))
    const slow = session.request(ping).catch((error: unknown) => error)
    expect((await session.requestAll(nsubs(3000))).every(({ message }) => message)).toBe(true)
    await session.close()
    expect(await slow).toMatchObject({ code: 'CLOSED' })
  })

  it('does not delay the rest of a list, other lists, and single requests by a part of a list', async () => {
    let silent = 600
    const { session, clock } = open((one, peer) =>
      one.command.tag === 'NSUB' && silent-- > 0 ? undefined : ok(one, peer),
    )
    let answered = 0
    const first = session.requestEach(nsubs(3000), (_, { message }) => {
      if (message) answered++
    })
    expect((await session.requestAll(nsubs(10))).every(({ message }) => message)).toBe(true)
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    await settled(40)
    expect(answered).toBe(2400)
    await clock.advance(30_000)
    await first
    expect(answered).toBe(2400)
    await session.close()
    expect(clock.timers).toBe(0)
  })

  it('never has more requests of lists than allowed', async () => {
    const { session, peer } = open(ok, { maxInFlight: 40 })
    peer.held = []
    const lists = Promise.all([session.requestAll(nsubs(100)), session.requestAll(nsubs(100))])
    await settled()
    expect(peer.commands).toHaveLength(40)
    peer.release()
    expect((await lists).flat()).toHaveLength(200)
    await session.close()
  })
})

describe('a server that floods', () => {
  it('is read no further while a list waits for the events to be taken', async () => {
    const { session, connection, peer, clock } = open(ok, { eventBuffer: 4, requestTimeout: 1000 })
    for (let i = 0; i < 4; i++) peer.send(id(), nmsg())
    await settled()
    const list = session.requestAll(nsubs(3))
    for (let i = 0; i < 200; i++) peer.send(id(), nmsg())
    await settled(100)
    expect(connection.waiting).toBeGreaterThan(150)
    expect(peer.commands).toHaveLength(0)
    // The patience for the one who takes them ends: the list is sent, and its answers are read, behind the events.
    const taking = (async () => {
      for (let i = 0; i < 204; i++) await session.events.next()
    })()
    await clock.advance(1000)
    expect((await list).every(({ message }) => message?.tag === 'SOK')).toBe(true)
    await taking
    await session.close()
  })

  it('is read for a list whose patience has ended, though nobody takes events', async () => {
    const { session, peer, clock } = open(ok, { eventBuffer: 4, requestTimeout: 1000 })
    for (let i = 0; i < 30; i++) peer.send(id(), nmsg())
    await settled()
    const list = session.requestAll(nsubs(3))
    await clock.advance(1000)
    expect((await list).every(({ message }) => message?.tag === 'SOK')).toBe(true)
    await session.close()
  })

  it('with long messages ends the session before it costs much memory', async () => {
    const { session, peer } = open(() => undefined, { eventBuffer: 4 })
    const waiting = session.request(ping).catch((error: unknown) => error)
    for (let i = 0; i < 20; i++) peer.send(id(), msg())
    expect(await session.closed).toMatchObject({ code: 'OVERFLOW' })
    expect(await waiting).toMatchObject({ code: 'OVERFLOW' })
    let taken = 0
    while (!(await session.events.next()).done) taken++
    expect(taken).toBe(17)
  })

  it('with long messages that are taken does not', async () => {
    const { session, peer } = open(() => undefined, { eventBuffer: 4 })
    const waiting = session.request(ping).catch((error: unknown) => error)
    for (let i = 0; i < 60; i++) {
      peer.send(id(), msg())
      await session.events.next()
    }
    await session.close()
    expect(await waiting).toMatchObject({ code: 'CLOSED' })
  })

  it('and ends while a list is signed leaves nothing unsettled', async () => {
    const { session, peer, clock } = open(ok, { eventBuffer: 1, maxInFlight: 64 })
    peer.send(id(), nmsg())
    setImmediate(() => void session.close())
    const list = await session.requestAll(nsubs(65))
    expect(list.every(({ error }) => error?.code === 'CLOSED')).toBe(true)
    expect(clock.timers).toBe(0)
  })

  it('with answers that nobody waits for costs nothing', async () => {
    const { session, peer } = open((one, peer) => {
      for (let i = 0; i < 3; i++) peer.send(one.entityId, { tag: 'PONG' }, one.corrId)
      return undefined
    })
    for (let i = 0; i < 5; i++) expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    expect(peer.commands).toHaveLength(5)
    await session.close()
  })
})

describe('messages of a queue', () => {
  it('can be left while the next one is waited for, and before the first one', async () => {
    const { session } = open()
    const mine = queue()
    const waited = session.messages(mine)
    const next = waited.next()
    await waited.return()
    expect(await next).toEqual({ value: undefined, done: true })
    await session.messages(mine).return()
    const controller = new AbortController()
    const unused = session.messages(mine, { signal: controller.signal })
    controller.abort()
    // The queue is free again though nobody asked for a message.
    const again = session.messages(mine)
    await expect(unused.next()).rejects.toMatchObject({ code: 'ABORTED' })
    await again.return()
    await session.close()
  })

  it('of a session that has ended are those that came before', async () => {
    const { session, peer } = open()
    const mine = queue()
    peer.send(mine.recipientId, msg())
    await settled()
    await session.close()
    const messages = session.messages(mine)
    expect((await messages.next()).done).toBe(false)
    expect((await messages.next()).done).toBe(true)
  })

  it('end with what the server says of a queue that it cannot read', async () => {
    const { session, peer } = open()
    const mine = queue()
    const next = session.messages(mine).next()
    peer.send(mine.recipientId, { tag: 'ERR', error: { code: 'INTERNAL' } })
    await expect(next).rejects.toMatchObject({ name: 'SmpReplyError', code: 'INTERNAL' })
    await session.close()
  })
})
