import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { type BrokerMessage, packBlock } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { newCorrId } from './corr-ids.js'
import { SmpClientError, SmpReplyError } from './errors.js'
import type { Request } from './requests.js'
import { SmpClientSession } from './session.js'
import type { SessionOptions, UnexpectedMessage } from './session-options.js'
import { type FakeOptions, fakeConnection, type Handler, ok } from './testing/fake-server.js'
import { ManualClock, settled } from './testing/manual-clock.js'

const key = PrivateKey.generate('ed25519')
const id = () => randomBytes(24)
const never: Handler = () => undefined

function open(handler?: Handler, options: SessionOptions & FakeOptions = {}) {
  const { connection, peer } = fakeConnection(handler, options)
  const clock = new ManualClock()
  const unexpected: UnexpectedMessage[] = []
  const session = new SmpClientSession(connection, { clock, onUnexpected: (what) => unexpected.push(what), ...options })
  return { session, peer, clock, connection, unexpected }
}

const ping: Request<{ tag: 'PING' }> = { command: { tag: 'PING' } }
const subs = (count: number): Request<{ tag: 'SUB' }>[] =>
  Array.from({ length: count }, () => ({ command: { tag: 'SUB' }, entityId: id(), key }))
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const codeOf = async (promise: Promise<unknown>) => ((await failure(promise)) as SmpClientError | undefined)?.code

describe('requests', () => {
  it('get the answer with their correlation id, whatever the order of the answers', async () => {
    const { session, peer } = open()
    peer.held = []
    const answers = Promise.all([session.request(ping), session.request(subs(1)[0] as Request<{ tag: 'SUB' }>)])
    await settled()
    peer.held.reverse()
    peer.release()
    expect(await answers).toEqual([{ tag: 'PONG' }, { tag: 'SOK', serviceId: null }])
    await session.close()
  })

  it('are pipelined by hundreds, each in a block of its own and in the order of the calls', async () => {
    const { session, peer } = open()
    peer.held = []
    const requests = subs(300)
    const answers = Promise.all(requests.map((request) => session.request(request)))
    await settled(400)
    expect(peer.blocks).toEqual(requests.map(() => 1))
    expect(peer.commands.map(({ entityId }) => entityId)).toEqual(requests.map(({ entityId }) => entityId))
    peer.release()
    expect(await answers).toHaveLength(300)
    await session.close()
  })

  it('have correlation ids of 24 bytes that differ', async () => {
    const { session, peer } = open()
    await session.requestAll(subs(500))
    const ids = peer.commands.map(({ corrId }) => corrId)
    expect(ids.every(({ length }) => length === 24)).toBe(true)
    expect(new Set(ids.map(String)).size).toBe(500)
    await session.close()
  })

  it('can have a correlation id that the caller chose, but not one that is in use', async () => {
    const { session, peer } = open(never)
    const corrId = newCorrId()
    const first = failure(session.request({ ...ping, corrId }))
    expect(await codeOf(session.request({ ...ping, corrId }))).toBe('INVALID')
    await settled()
    expect(peer.commands[0]?.corrId).toEqual(corrId)
    await session.close()
    expect(await first).toBeInstanceOf(SmpClientError)
  })

  it('fail with what the server answers', async () => {
    const { session } = open(() => ({ tag: 'ERR', error: { code: 'CMD', inner: { code: 'PROHIBITED' } } }))
    const error = (await failure(session.request(ping))) as SmpReplyError
    expect(error).toBeInstanceOf(SmpReplyError)
    expect(error).toMatchObject({ code: 'CMD', from: 'server', temporary: false })
    expect(error.message).toContain('CMD PROHIBITED')
    await session.close()
  })

  it('take an error without entity as theirs', async () => {
    const { session, peer } = open((command, peer) => {
      peer.send(new Uint8Array(0), { tag: 'ERR', error: { code: 'BLOCK' } }, command.corrId)
      return undefined
    })
    expect(await codeOf(session.requestAll(subs(1)).then(([outcome]) => Promise.reject(outcome?.error)))).toBe('BLOCK')
    expect(peer.commands).toHaveLength(1)
    await session.close()
  })

  it('fail when the answer is for another entity, of another kind, or unreadable', async () => {
    const answers: ((corrId: Uint8Array, entityId: Uint8Array) => BrokerMessage | undefined)[] = []
    const { session, peer } = open((command) => answers.shift()?.(command.corrId, command.entityId))
    const [request] = subs(1) as [Request<{ tag: 'SUB' }>]
    answers.push((corrId) => void peer.send(id(), { tag: 'OK' }, corrId))
    expect(await codeOf(session.request(request))).toBe('UNEXPECTED_RESPONSE')
    answers.push(() => ({ tag: 'DELD' }))
    expect(await codeOf(session.request(request))).toBe('UNEXPECTED_RESPONSE')
    answers.push((corrId, entityId) => {
      const bytes = peer.transmission(corrId, entityId, { tag: 'SOK', serviceId: null })
      bytes[bytes.length - 1] = 0x32
      return void peer.sendBlock(packBlock([bytes]))
    })
    expect(await codeOf(session.request(request))).toBe('RESPONSE')
    answers.push(() => ({ tag: 'OK' }))
    expect(await session.request(request)).toEqual({ tag: 'OK' })
    await session.close()
  })

  it('fail on our side when they do not fit or cannot be written', async () => {
    const { session, peer } = open()
    const send = (body: Uint8Array) =>
      session.request({ command: { tag: 'SEND', notification: false, body }, entityId: id(), key })
    expect(await codeOf(send(new Uint8Array(16_300)))).toBe('LARGE_MSG')
    expect(await codeOf(session.request({ ...ping, entityId: new Uint8Array(256) }))).toBe('LARGE_MSG')
    const basicAuth = 'not a password'
    const server = { hosts: [{ type: 'ipv4', text: '127.0.0.1' } as const], port: '', keyHash: id() }
    expect(await codeOf(session.request({ command: { tag: 'PRXY', server, basicAuth } }))).toBe('INVALID')
    expect(peer.commands).toHaveLength(0)
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    await session.close()
  })
})

describe('lists of requests', () => {
  it('are packed from the last to the first: 300 SUB make blocks of 30, 135 and 135', async () => {
    const { session, peer } = open()
    await session.requestAll(subs(300))
    expect(peer.blocks).toEqual([30, 135, 135])
    await session.close()
  })

  it('have their outcomes in their order, and one that fails does not matter to the others', async () => {
    const refused = id()
    const { session } = open((one, peer) =>
      String(one.entityId) === String(refused) ? { tag: 'ERR', error: { code: 'AUTH' } } : ok(one, peer),
    )
    const requests = subs(10)
    requests[4] = { ...(requests[4] as Request<{ tag: 'SUB' }>), entityId: refused }
    requests[7] = requests[2] as Request<{ tag: 'SUB' }>
    const large = {
      command: { tag: 'SEND', notification: false, body: new Uint8Array(16_370) },
      entityId: id(),
    } as const
    const outcomes = await session.requestAll([...requests, large])
    expect(outcomes.map(({ message, error }) => message?.tag ?? error?.code)).toEqual([
      ...['SOK', 'SOK', 'SOK', 'SOK', 'AUTH', 'SOK', 'SOK', 'SOK', 'SOK', 'SOK'],
      'LARGE_MSG',
    ])
    await session.close()
  })

  it('never have more than maxInFlight on the way, and go on when answers come', async () => {
    const { session, peer } = open(ok, { maxInFlight: 50 })
    peer.held = []
    const outcomes = session.requestAll(subs(170))
    await settled(50)
    expect(peer.commands).toHaveLength(50)
    peer.release()
    expect(await outcomes).toHaveLength(170)
    expect(peer.commands).toHaveLength(170)
    await session.close()
  })

  it('let single requests pass between their chunks', async () => {
    const { session, peer } = open(ok, { maxInFlight: 50 })
    const list = session.requestAll(subs(200))
    await session.request(ping)
    expect(peer.commands.length).toBeLessThan(200)
    await list
    await session.close()
  })

  it('of nothing come to nothing', async () => {
    const { session } = open()
    expect(await session.requestAll([])).toEqual([])
    await session.close()
  })

  it('reject with what their iterator or their receiver throws, when all are settled', async () => {
    const { session } = open()
    function* requests() {
      yield* subs(3)
      throw new RangeError('mine')
    }
    let outcomes = 0
    expect(await failure(session.requestEach(requests(), () => outcomes++))).toBeInstanceOf(RangeError)
    expect(outcomes).toBe(3)
    const throwing = () => {
      throw new RangeError('mine')
    }
    expect(await failure(session.requestEach(subs(3), throwing))).toBeInstanceOf(RangeError)
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    await session.close()
  })
})

describe('time-outs', () => {
  it('fail requests that are not answered, and leave no timer and no entry behind', async () => {
    const { session, peer, clock, unexpected } = open(never)
    const single = failure(session.request(ping, { timeout: 10_000 }))
    const list = session.requestAll(subs(3), { timeout: 20_000 })
    await settled()
    await clock.advance(9_999)
    expect(clock.timers).toBe(1)
    await clock.advance(1)
    expect(await single).toMatchObject({ code: 'TIMEOUT', temporary: true })
    await clock.advance(10_000)
    expect((await list).map(({ error }) => error?.code)).toEqual(['TIMEOUT', 'TIMEOUT', 'TIMEOUT'])
    expect(clock.timers).toBe(0)
    // A late answer finds nothing; it is told, and the session goes on.
    const [late] = peer.commands
    peer.send(new Uint8Array(0), { tag: 'PONG' }, late?.corrId)
    await settled()
    expect(unexpected).toEqual([{ kind: 'late', tag: 'PONG' }])
    peer.handler = ok
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    await session.close()
  })

  it('do not send what timed out while it waited', async () => {
    const { session, peer, clock } = open(never, { maxInFlight: 1 })
    const first = failure(session.request(ping, { timeout: 50 }))
    const second = failure(session.request(ping, { timeout: 20 }))
    const third = failure(session.request(ping, { timeout: 30 }))
    await settled()
    await clock.advance(30)
    expect(await second).toMatchObject({ code: 'TIMEOUT' })
    expect(await third).toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(20)
    expect(await first).toMatchObject({ code: 'TIMEOUT' })
    await settled()
    expect(peer.commands).toHaveLength(1)
    await session.close()
  })

  it('of different lengths come at their times', async () => {
    const { session, clock } = open(never)
    const ended: number[] = []
    const at = [500, 100, 900, 300]
    const all = at.map((timeout) => failure(session.request(ping, { timeout })).then(() => ended.push(timeout)))
    await settled()
    await clock.advance(350)
    expect(ended).toEqual([100, 300])
    await clock.advance(1000)
    await Promise.all(all)
    expect(ended).toEqual([100, 300, 500, 900])
    await session.close()
  })
})

describe('abort', () => {
  it('gives up a request on its way, and one that waits', async () => {
    const { session, peer } = open(never, { maxInFlight: 1 })
    const controller = new AbortController()
    const requests = [1, 2].map(() => failure(session.request(ping, { signal: controller.signal })))
    await settled()
    controller.abort(new Error('why'))
    for (const error of await Promise.all(requests))
      expect(error).toMatchObject({ code: 'ABORTED', cause: new Error('why') })
    peer.handler = ok
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    expect(peer.commands).toHaveLength(2)
    await session.close()
  })

  it('of very many at once brings no warning of the platform', async () => {
    const { session } = open(never)
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    const controller = new AbortController()
    const requests = Array.from({ length: 50 }, () => failure(session.request(ping, { signal: controller.signal })))
    await settled()
    controller.abort()
    const errors = await Promise.all(requests)
    expect(errors.every((error) => (error as SmpClientError).code === 'ABORTED')).toBe(true)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
    await session.close()
  })

  it('sends nothing when it came before', async () => {
    const { session, peer } = open()
    expect(await codeOf(session.request(ping, { signal: AbortSignal.abort() }))).toBe('ABORTED')
    const list = await session.requestAll(subs(2), { signal: AbortSignal.abort() })
    expect(list.map(({ error }) => error?.code)).toEqual(['ABORTED', 'ABORTED'])
    await session.request(ping)
    expect(peer.commands).toHaveLength(1)
    await session.close()
  })

  it('gives up a whole list', async () => {
    const { session } = open(never, { maxInFlight: 20 })
    const controller = new AbortController()
    const list = session.requestAll(subs(100), { signal: controller.signal })
    await settled()
    controller.abort()
    expect((await list).every(({ error }) => error?.code === 'ABORTED')).toBe(true)
    await session.close()
  })
})

describe('the end of a session', () => {
  it('settles everything with CLOSED when we close', async () => {
    const { session, clock, connection } = open(never)
    const single = failure(session.request(ping))
    const list = session.requestAll(subs(2000))
    const events = session.events.next()
    await settled()
    await session.close()
    expect(await single).toMatchObject({ code: 'CLOSED', temporary: true })
    expect((await list).every(({ error }) => error?.code === 'CLOSED')).toBe(true)
    expect(await events).toEqual({ value: undefined, done: true })
    expect(await session.closed).toBeUndefined()
    expect(await connection.closed).toBeUndefined()
    expect(clock.timers).toBe(0)
    expect(await codeOf(session.request(ping))).toBe('CLOSED')
    expect((await session.requestAll(subs(2))).map(({ error }) => error?.code)).toEqual(['CLOSED', 'CLOSED'])
  })

  it('settles everything with CLOSED and the cause when the connection dies', async () => {
    const { session, connection } = open(never)
    const single = failure(session.request(ping))
    await settled()
    connection.end(new Error('reset'))
    expect(await single).toMatchObject({ code: 'CLOSED', cause: new Error('reset') })
    expect(await session.closed).toMatchObject({ code: 'CLOSED', temporary: true })
  })

  it('is told when the server ends the connection in order', async () => {
    const { session, connection } = open()
    connection.end()
    expect(await session.closed).toMatchObject({ code: 'CLOSED' })
  })

  it('comes with an unreadable block', async () => {
    for (const block of [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(1, 0, 9, 1), Uint8Array.of(1, 0, 0, 7)]) {
      const { session, peer } = open(never)
      const waiting = failure(session.request(ping))
      await settled()
      peer.sendBlock(block)
      expect(await waiting).toMatchObject({ code: 'BLOCK' })
      expect(await session.closed).toMatchObject({ code: 'BLOCK' })
    }
  })

  it('settles every request wherever the connection dies', async () => {
    // Cut after each number of blocks that the peer received, and answers that it sent.
    for (let blocks = 0; blocks <= 6; blocks++) {
      let received = 0
      const { session, connection } = open((one, peer) => {
        if (received++ >= blocks) setImmediate(() => connection.end(new Error('cut')))
        return received % 2 ? ok(one, peer) : undefined
      })
      const all = Promise.all([
        ...[1, 2, 3, 4].map(() => failure(session.request(ping))),
        session.requestAll(subs(400)),
        failure(session.requestEach(subs(10), () => {})),
      ])
      await settled(60)
      connection.end(new Error('cut'))
      await all
      expect(await session.closed).toMatchObject({ code: 'CLOSED' })
    }
  })
})

describe('keep-alive', () => {
  it('sends PING only after the first subscription and only when nothing was received', async () => {
    const { session, peer, clock } = open(ok, { pingInterval: 60_000 })
    await session.request(ping)
    await clock.advance(600_000)
    expect(peer.commands).toHaveLength(1)
    await session.requestAll(subs(1))
    await clock.advance(59_000)
    peer.send(id(), { tag: 'END' })
    await settled()
    await clock.advance(2_000)
    expect(peer.commands).toHaveLength(2)
    await clock.advance(57_000)
    expect(peer.commands.map(({ command }) => command.tag)).toEqual(['PING', 'SUB'])
    await clock.advance(1_000)
    expect(peer.commands.at(-1)?.command.tag).toBe('PING')
    await session.close()
    expect(clock.timers).toBe(0)
  })

  it('ends a session after three unanswered requests in a row and a quarter of an hour of silence', async () => {
    const { session, peer, clock } = open(ok, { pingInterval: 60_000 })
    await session.requestAll(subs(1))
    peer.handler = never
    let ended = false
    void session.closed.then(() => {
      ended = true
    })
    await clock.advance(14 * 60_000)
    expect(ended).toBe(false)
    await clock.advance(3 * 60_000)
    expect(await session.closed).toMatchObject({ code: 'TIMEOUT' })
    expect(clock.timers).toBe(0)
  })
})

describe('a list longer than a chunk', () => {
  it('is sent chunk by chunk, each when the one before is answered', async () => {
    const { session, peer } = open()
    peer.held = []
    const list = session.requestAll(subs(1400))
    await settled(100)
    expect(peer.commands).toHaveLength(1350)
    peer.release()
    expect((await list).every(({ message }) => message?.tag === 'SOK')).toBe(true)
    expect(peer.blocks).toEqual([...Array(10).fill(135), 50])
    await session.close()
  })
})
