// Spec 20 §4, §8: what a client makes of servers that do what none should.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { randomBytes } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import { packBlock } from '@smpkit/smp-commands'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { writeResponse } from './respond.js'
import type { NtfResponse } from './responses.js'
import { cleanUp } from './testing/cleanup.js'
import { type Answer, ok, type Peer, startServer } from './testing/ntf-server.js'
import { check, checks, id, newToken, openSession, ping } from './testing/requests.js'
import { block, bytes, errorOf, startAfterHello } from './testing/sockets.js'

afterEach(cleanUp)

const active: NtfResponse = { tag: 'SUB', status: 'ACTIVE', errorText: null }

/** Does something with each command that is for an entity, and answers the others. */
const odd =
  (act: (to: { corrId: Uint8Array; entityId: Uint8Array }, peer: Peer) => void): Answer =>
  (one, peer) => {
    if (one.entityId.length === 0) return ok(one, peer)
    act(one, peer)
    return undefined
  }

/** A response with these bytes for tag and parameters, alone in its block. */
const raw = (corrId: Uint8Array, entityId: Uint8Array, response: string): Uint8Array => {
  const short = (b: Uint8Array) => concat(Uint8Array.of(b.length), b)
  return packBlock([concat(Uint8Array.of(0), short(corrId), short(entityId), new TextEncoder().encode(response))])
}

describe('an answer', () => {
  it('that comes twice is taken once', async () => {
    const server = await startServer(
      odd((to, peer) => {
        peer.send(to, active)
        peer.send(to, { tag: 'ERR', error: { code: 'AUTH' } })
      }),
    )
    const { session } = await openSession(server)
    for (let i = 0; i < 5; i++) expect(await session.request(check())).toEqual(active)
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
  })

  it.each([
    ['for another entity', 'UNEXPECTED', (to) => [{ ...to, entityId: id() }, active]],
    ['of another kind', 'UNEXPECTED', (to) => [to, { tag: 'OK' }]],
    [
      'of an error of another entity',
      'UNEXPECTED',
      (to) => [
        { ...to, entityId: id() },
        { tag: 'ERR', error: { code: 'AUTH' } },
      ],
    ],
    ['of an error of no entity', 'BLOCK', ({ corrId }) => [{ corrId }, { tag: 'ERR', error: { code: 'BLOCK' } }]],
    ['without the entity', 'RESPONSE', ({ corrId }) => [{ corrId }, active]],
    ['with an entity where there is none', 'RESPONSE', (to) => [to, { tag: 'IDSUB', subscriptionId: id() }]],
  ] as [string, string, (to: { corrId: Uint8Array; entityId: Uint8Array }) => Parameters<Peer['send']>][])(
    '%s is a failure of that request alone',
    async (_, code, answer) => {
      const { session } = await openSession(await startServer(odd((to, peer) => peer.send(...answer(to)))))
      expect(await errorOf(session.request(check()))).toMatchObject({ code, temporary: false })
      expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    },
  )

  it('that names the new token as its entity is broken', async () => {
    const tokenId = id()
    const server = await startServer((one, peer) => {
      const response = ok(one, peer)
      if (response) peer.send({ ...one, entityId: tokenId }, response)
      return undefined
    })
    const { session } = await openSession(server)
    expect(await errorOf(session.request(newToken))).toMatchObject({ code: 'RESPONSE' })
  })

  it.each(['SUB', 'SUB NONE', 'SUB ACTIVE ', 'OK!', 'NEW', '', 'TKN INVALID,LATER', 'IDTKN \x18', 'ERR NEVER'])(
    '"%s" cannot be read',
    async (text) => {
      const answer = odd(({ corrId, entityId }, { connection }) => void connection.send(raw(corrId, entityId, text)))
      const { session } = await openSession(await startServer(answer))
      expect(await errorOf(session.request(check()))).toMatchObject({ code: 'RESPONSE', temporary: false })
      expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    },
  )

  it('of another session cannot be read, in version 1', async () => {
    const answer = odd(({ corrId, entityId }, { connection }) => {
      const end = { ...connection.session, sessionId: bytes(32) }
      void connection.send(writeResponse(end, { corrId, entityId, response: active }))
    })
    const { session } = await openSession(await startServer(answer), {}, { alpn: false })
    expect(await errorOf(session.request(check()))).toMatchObject({ code: 'RESPONSE' })
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
  })

  it('to nobody is dropped', async () => {
    const server = await startServer(
      odd((to, peer) => {
        peer.send({ corrId: id(), entityId: to.entityId }, active)
        peer.send({ entityId: to.entityId }, active)
        peer.send({ corrId: new Uint8Array(255), entityId: new Uint8Array(100) }, active)
        peer.send(to, active)
      }),
    )
    const { session } = await openSession(server)
    expect(await session.request(check())).toEqual(active)
  })
})

describe('a server', () => {
  it.each([
    ['that could not read a block', (peer: Peer) => peer.send({}, { tag: 'ERR', error: { code: 'BLOCK' } })],
    ['with a block of no transmissions', ({ connection }: Peer) => void connection.send(Uint8Array.of(0))],
    ['with an empty block', ({ connection }: Peer) => void connection.send(bytes(0))],
    ['with a transmission too short', ({ connection }: Peer) => void connection.send(packBlock([bytes(1, 0)]))],
  ])('%s leaves nobody waiting', async (_, act) => {
    const { session } = await openSession(
      await startServer((one, peer) => {
        if (one.command.tag === 'PING') act(peer)
        return undefined
      }),
    )
    const waiting = session.requestAll(checks(3))
    expect(await errorOf(session.request(ping))).toMatchObject({ code: 'BLOCK', temporary: true })
    expect((await waiting).map(({ error }) => error?.code)).toEqual(['BLOCK', 'BLOCK', 'BLOCK'])
    expect(await session.closed).toMatchObject({ code: 'BLOCK' })
  })

  it('of garbage never crashes a client', async () => {
    const anything = fc.uint8Array({ minLength: 512, maxLength: 512 })
    const framed = fc.uint8Array({ maxLength: 400 }).map((content) => block(packBlock([content])))
    for (const garbage of fc.sample(fc.oneof(anything, framed), 25)) {
      const address = await startAfterHello((socket) => socket.end(garbage))
      const { session } = await openSession({ address })
      const [outcome] = await session.requestAll([ping])
      expect(outcome?.error?.name).toBe('NtfClientError')
      await session.closed
    }
  })

  it.each([0, 1, 511])('that ends with %s bytes of a block ends what waits', async (length) => {
    const address = await startAfterHello((socket) => socket.end(bytes(length)))
    const { session } = await openSession({ address })
    expect(await errorOf(session.request(ping))).toMatchObject({ code: 'CLOSED', temporary: true })
    expect(await session.closed).toMatchObject({ code: 'CLOSED' })
    expect(await errorOf(session.request(ping))).toMatchObject({ code: 'CLOSED' })
  })

  it('that breaks TLS ends what waits', async () => {
    const address = await startAfterHello((socket) => void socket.destroy())
    const { session } = await openSession({ address })
    expect(await errorOf(session.request(ping))).toMatchObject({ code: 'CLOSED' })
  })

  it('that never reads costs no more than the time to write', async () => {
    const address = await startAfterHello((socket) => void socket.pause())
    const { session } = await openSession({ address }, { maxInFlight: 1e6 }, { writeTimeout: 300 })
    // Each fills a block, and all of them more than the system's buffers.
    const large = Array.from({ length: 24_000 }, () => ({ ...ping, entityId: bytes(250) }))
    const outcomes = await session.requestAll(large)
    expect(outcomes.every(({ error }) => error?.code === 'CLOSED')).toBe(true)
    expect(await session.closed).toMatchObject({ code: 'CLOSED', cause: { code: 'TIMEOUT' } })
  })

  it('that floods costs nothing', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const used = () => {
      gc()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const count = 30_000
    let server: Peer | undefined
    const { session } = await openSession(
      await startServer((one, peer) => {
        server = peer
        return ok(one, peer)
      }),
    )
    await session.request(ping)
    const peer = server as Peer
    const before = used()
    for (let i = 0; i < count; i++) {
      const corrId = randomBytes(24)
      await peer.connection.send(packBlock(Array(7).fill(peer.written({ corrId, entityId: corrId }, active))))
    }
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    expect(used() - before).toBeLessThan(count * 100)
  })
})
