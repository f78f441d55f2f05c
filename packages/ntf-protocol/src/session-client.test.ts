import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { NtfRequest } from './requests.js'
import { cleanUp } from './testing/cleanup.js'
import { settled } from './testing/manual-clock.js'
import { ok, type Peer, startServer } from './testing/ntf-server.js'
import { check, checks, id, key, newToken, openSession, ping } from './testing/requests.js'
import { errorOf } from './testing/sockets.js'

afterEach(cleanUp)

const silent = () => undefined

describe('a session', () => {
  it.each([
    [1, { alpn: false }],
    [2, { versionRange: { min: 1, max: 2 } }],
    [3, {}],
  ])('gives each command the answer of its kind, in version %s', async (version, connecting) => {
    const { session } = await openSession(await startServer(), {}, connecting)
    expect(session.session.version).toBe(version)
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    const { tokenId, dhKey } = await session.request(newToken)
    expect(tokenId).toHaveLength(24)
    expect(dhKey.algorithm).toBe('x25519')
    expect(await session.request({ command: { tag: 'TCHK' }, entityId: tokenId, key })).toMatchObject({
      status: 'ACTIVE',
    })
    expect(await session.request(check())).toEqual({ tag: 'SUB', status: 'ACTIVE', errorText: null })
    expect(await session.request({ command: { tag: 'TDEL' }, entityId: tokenId, key })).toEqual({ tag: 'OK' })
  })

  it.each(['ed25519', 'ed448', 'x25519'] as const)('authorizes with a key of %s', async (algorithm) => {
    const own = PrivateKey.generate(algorithm)
    const server = await startServer()
    const { session } = await openSession(server)
    await session.request({ command: { tag: 'TCHK' }, entityId: id(), key: own })
    expect(server.peers[0]?.commands).toHaveLength(1)
  })

  it('sends commands in their order with ids that are never the same', async () => {
    const server = await startServer()
    const { session } = await openSession(server)
    const ids = Array.from({ length: 30 }, id)
    await Promise.all(ids.map((one) => session.request(check(one))))
    const commands = server.peers[0]?.commands ?? []
    expect(commands.map(({ entityId }) => entityId)).toEqual(ids)
    expect(new Set(commands.map(({ corrId }) => corrId.join())).size).toBe(30)
    for (const { corrId } of commands) expect(corrId).toHaveLength(24)
  })

  it('puts as many commands in a block as its 493 bytes hold, the first block being the partial one', async () => {
    const server = await startServer()
    const { session } = await openSession(server)
    await session.requestAll(checks(10))
    await Promise.all(checks(6).map((one) => session.request(one)))
    expect(server.peers[0]?.blocks).toEqual([2, 4, 4, 2, 4])
  })

  it('puts each command of version 1 in a block of its own', async () => {
    const server = await startServer()
    const { session } = await openSession(server, {}, { alpn: false })
    await session.requestAll(checks(5))
    expect(server.peers[0]?.blocks).toEqual([1, 1, 1, 1, 1])
  })

  it('gives the outcomes of a list in its order, whatever order the answers have', async () => {
    const server = await startServer(({ entityId }) => ({ tag: 'SUB', status: 'ERR', errorText: entityId }))
    const { session } = await openSession(server)
    const peer = await firstPeer(server)
    peer.held = []
    const requests = checks(40)
    const outcomes = session.requestAll(requests)
    await expect.poll(() => peer.held).toHaveLength(40)
    await peer.release((held) => held.reverse())
    expect((await outcomes).map(({ response }) => response?.errorText)).toEqual(
      requests.map(({ entityId }) => entityId),
    )
  })

  it('has only so many commands in flight, single ones apart from those of lists', async () => {
    const server = await startServer()
    const { session } = await openSession(server, { maxInFlight: 10 })
    const peer = await firstPeer(server)
    peer.held = []
    const lists = [session.requestAll(checks(15)), session.requestAll(checks(15))]
    await expect.poll(() => peer.commands).toHaveLength(10)
    const single = session.request(ping)
    await expect.poll(() => peer.commands).toHaveLength(11)
    await peer.release()
    expect(await single).toEqual({ tag: 'PONG' })
    expect((await Promise.all(lists)).flat().every(({ response }) => response)).toBe(true)
  })

  it('tells what the server answers instead', async () => {
    const { session } = await openSession(await startServer(() => ({ tag: 'ERR', error: { code: 'AUTH' } })))
    expect(await errorOf(session.request(check()))).toMatchObject({
      name: 'NtfReplyError',
      code: 'AUTH',
      error: { code: 'AUTH' },
      temporary: false,
      message: 'the server answered ERR AUTH',
    })
    const [outcome] = await session.requestAll([check()])
    expect(outcome?.error).toMatchObject({ code: 'AUTH' })
  })

  it('takes trouble of the database for temporary, and says nothing of it', async () => {
    const text = 'createToken: secret'
    const { session } = await openSession(await startServer(() => ({ tag: 'ERR', error: { code: 'STORE', text } })))
    const error = await errorOf(session.request(check()))
    expect(error).toMatchObject({ code: 'STORE', temporary: true, error: { text } })
    expect(error.message).not.toContain('secret')
  })

  it('gives arrays that keep no more than the block they came in', async () => {
    const { session } = await openSession(await startServer())
    for (const { response } of await session.requestAll(Array(50).fill(newToken))) {
      expect(response?.tokenId.buffer.byteLength).toBeLessThanOrEqual(512)
    }
  })

  it('does not send what cannot be written or fits no block, and goes on', async () => {
    const server = await startServer()
    const { session } = await openSession(server)
    const large: NtfRequest = {
      ...newToken,
      command: { ...newToken.command, token: randomBytes(255) },
      entityId: randomBytes(255),
    }
    const unwritable: NtfRequest = { ...newToken, command: { ...newToken.command, token: randomBytes(256) } }
    const outcomes = await session.requestAll([check(), large, unwritable, check()])
    expect(outcomes).toMatchObject([
      { response: { tag: 'SUB' } },
      { error: { code: 'LARGE', temporary: false } },
      { error: { code: 'INVALID', temporary: false } },
      { response: { tag: 'SUB' } },
    ])
    expect(server.peers[0]?.commands).toHaveLength(2)
  })

  it('cannot authorize with X25519 in version 1, which has no key of the server', async () => {
    const { session } = await openSession(await startServer(), {}, { alpn: false })
    const request = { ...check(), key: PrivateKey.generate('x25519') }
    expect(await errorOf(session.request(request))).toMatchObject({ code: 'INVALID' })
  })

  it('has nothing to do for an empty list', async () => {
    const { session } = await openSession(await startServer())
    expect(await session.requestAll([])).toEqual([])
  })
})

describe('time', () => {
  it('of a request ends it, and its late answer is that of no other', async () => {
    const server = await startServer()
    const { session, clock } = await openSession(server, { requestTimeout: 1000 })
    const peer = await firstPeer(server)
    peer.held = []
    const late = errorOf(session.request(ping))
    await expect.poll(() => peer.commands).toHaveLength(1)
    await clock.advance(1000)
    expect(await late).toMatchObject({ code: 'TIMEOUT', temporary: true })
    const next = session.request(check())
    await expect.poll(() => peer.commands).toHaveLength(2)
    await peer.release()
    expect(await next).toMatchObject({ tag: 'SUB' })
    expect(clock.timers).toEqual([])
  })

  it('can be given to each request', async () => {
    const { session, clock } = await openSession(await startServer(silent))
    const errors = [50, 60].map((timeout) => errorOf(session.request(ping, { timeout })))
    await clock.advance(55)
    expect(await errors[0]).toMatchObject({ code: 'TIMEOUT' })
    expect(clock.timers).toEqual([5])
  })

  it('of a list runs for each from when it is sent', async () => {
    const server = await startServer(silent)
    const { session, clock } = await openSession(server, { requestTimeout: 1000, maxInFlight: 4 })
    const outcomes = session.requestAll(checks(8))
    const sent = () => server.peers[0]?.commands.length
    await expect.poll(sent).toBe(4)
    await clock.advance(1000)
    await expect.poll(sent).toBe(8)
    expect(clock.timers).toEqual([1000, 1000, 1000, 1000])
    await clock.advance(1000)
    expect((await outcomes).map(({ error }) => error?.code)).toEqual(Array(8).fill('TIMEOUT'))
  })

  it('without any answer three times in a row ends the session', async () => {
    const server = await startServer(silent)
    const { session, clock } = await openSession(server, { requestTimeout: 1000 })
    for (let round = 1; round <= 3; round++) {
      const errors = checks(20).map((one) => errorOf(session.request(one)))
      await expect.poll(() => server.peers[0]?.commands).toHaveLength(20 * round)
      await clock.advance(1000)
      for (const error of errors) expect(await error).toMatchObject({ code: 'TIMEOUT' })
    }
    expect(await session.closed).toMatchObject({ code: 'TIMEOUT', temporary: true })
    expect(await errorOf(session.request(ping))).toMatchObject({ code: 'TIMEOUT' })
  })

  it('counts anew when anything comes', async () => {
    const server = await startServer((one, peer) => (one.command.tag === 'PING' ? ok(one, peer) : undefined))
    const { session, clock } = await openSession(server, { requestTimeout: 1000 })
    for (let round = 1; round <= 5; round++) {
      const error = errorOf(session.request(check()))
      await expect.poll(() => server.peers[0]?.commands).toHaveLength(2 * round - 1)
      await clock.advance(1000)
      expect(await error).toMatchObject({ code: 'TIMEOUT' })
      await session.request(ping)
    }
  })
})

describe('a caller', () => {
  it('can give requests up, before and after they are sent', async () => {
    const server = await startServer()
    const { session, clock } = await openSession(server)
    const peer = await firstPeer(server)
    peer.held = []
    const controller = new AbortController()
    const { signal } = controller
    const single = errorOf(session.request(ping, { signal }))
    const list = session.requestAll(checks(700), { signal })
    await expect.poll(() => peer.commands).toHaveLength(1 + 512)
    controller.abort(new Error('enough'))
    expect(await single).toMatchObject({ code: 'ABORTED', temporary: false, cause: { message: 'enough' } })
    expect((await list).map(({ error }) => error?.code)).toEqual(Array(700).fill('ABORTED'))
    expect(await errorOf(session.request(ping, { signal }))).toMatchObject({ code: 'ABORTED' })
    expect(await session.requestAll([ping], { signal })).toMatchObject([{ error: { code: 'ABORTED' } }])
    await peer.release()
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    expect(peer.commands).toHaveLength(514)
    expect(clock.timers).toEqual([])
  })

  it('closes the session, which ends whatever waits', async () => {
    const server = await startServer(silent)
    const { session, clock } = await openSession(server)
    const waiting = [errorOf(session.request(ping)), session.requestAll(checks(600))] as const
    await expect.poll(() => server.peers[0]?.commands).toHaveLength(513)
    await session.close()
    expect(await waiting[0]).toMatchObject({ code: 'CLOSED' })
    expect((await waiting[1]).map(({ error }) => error?.code)).toEqual(Array(600).fill('CLOSED'))
    expect(await session.closed).toBeUndefined()
    expect(await errorOf(session.request(ping))).toMatchObject({ code: 'CLOSED' })
    expect(await session.requestAll([ping])).toMatchObject([{ error: { code: 'CLOSED' } }])
    expect(clock.timers).toEqual([])
  })

  it('can close while a list is written', async () => {
    const { session, clock } = await openSession(await startServer())
    const list = session.requestAll(checks(300))
    setImmediate(() => void session.close())
    const outcomes = await list
    expect(outcomes).toHaveLength(300)
    expect(outcomes.at(-1)?.error).toMatchObject({ code: 'CLOSED' })
    expect(clock.timers).toEqual([])
  })

  it('gets what was sent before the close written', async () => {
    const server = await startServer(silent)
    const { session } = await openSession(server)
    const asked = errorOf(session.request(ping))
    await settled()
    await session[Symbol.asyncDispose]()
    expect(await asked).toMatchObject({ code: 'CLOSED' })
    await expect.poll(() => server.peers[0]?.commands).toHaveLength(1)
  })
})

async function firstPeer({ peers }: { peers: readonly Peer[] }): Promise<Peer> {
  await expect.poll(() => peers).toHaveLength(1)
  return peers[0] as Peer
}
