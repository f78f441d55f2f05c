import { dh, PrivateKey, randomBytes } from '@smpkit/crypto'
import { type BrokerMessage, encryptMsgBody } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { SmpClientSession } from './session.js'
import type { SessionEvent, SessionOptions, UnexpectedMessage } from './session-options.js'
import { fakeConnection, type Handler, ok } from './testing/fake-server.js'
import { ManualClock, settled } from './testing/manual-clock.js'

const key = PrivateKey.generate('ed25519')
const id = () => randomBytes(24)
const none = new Uint8Array(0)
const ping = { command: { tag: 'PING' } } as const

function open(handler?: Handler, options: SessionOptions = {}) {
  const { connection, peer } = fakeConnection(handler)
  const unexpected: UnexpectedMessage[] = []
  const session = new SmpClientSession(connection, {
    clock: new ManualClock(),
    onUnexpected: (what) => unexpected.push(what),
    ...options,
  })
  return { session, peer, connection, unexpected }
}

async function take(session: SmpClientSession, count: number): Promise<SessionEvent[]> {
  const taken: SessionEvent[] = []
  for (let i = 0; i < count; i++) {
    const { value } = await session.events.next()
    if (value) taken.push(value)
  }
  return taken
}

const nmsg = (): BrokerMessage => ({ tag: 'NMSG', nonce: id(), encMeta: randomBytes(144) })

describe('events', () => {
  it('come in the order of the server, with their entities', async () => {
    const { session, peer } = open()
    const sent: [Uint8Array, BrokerMessage][] = [
      [id(), { tag: 'MSG', msgId: id(), encBody: randomBytes(100) }],
      [id(), nmsg()],
      [id(), { tag: 'END' }],
      [id(), { tag: 'DELD' }],
      [id(), { tag: 'ENDS', count: 5n, idsHash: new Uint8Array(16) }],
      [none, { tag: 'ALLS' }],
      [none, { tag: 'ERR', error: { code: 'INTERNAL' } }],
      [id(), { tag: 'ERR', error: { code: 'AUTH' } }],
    ]
    for (const [entityId, message] of sent) peer.send(entityId, message)
    const taken = await take(session, sent.length)
    expect(taken.map(({ entityId, message }) => [entityId, message])).toEqual(sent)
    await session.close()
  })

  it('own their bytes: a kept id does not keep a block', async () => {
    const { session, peer } = open()
    peer.send(id(), { tag: 'END' })
    const [event] = await take(session, 1)
    expect(event?.entityId.buffer.byteLength).toBeLessThan(100)
    await session.close()
  })

  it('can be taken after the session ended', async () => {
    const { session, peer, connection } = open()
    peer.send(id(), { tag: 'END' })
    await settled()
    connection.end()
    await session.closed
    expect(await take(session, 1)).toHaveLength(1)
    expect(await session.events.next()).toEqual({ value: undefined, done: true })
  })

  it('do not come from answers without correlation id; those are told', async () => {
    const { session, peer, unexpected } = open()
    peer.send(id(), { tag: 'OK' })
    peer.send(id(), { tag: 'SOK', serviceId: null }, id())
    peer.send(none, { tag: 'END' })
    await settled()
    expect(unexpected).toEqual([
      { kind: 'unsolicited', tag: 'OK' },
      { kind: 'late', tag: 'SOK' },
      { kind: 'unreadable', tag: undefined },
    ])
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    await session.close()
  })
})

describe('messages in answers', () => {
  const msg = { tag: 'MSG', msgId: id(), encBody: randomBytes(50) } as const

  it('to SUB and ACK become events, and the answer is OK', async () => {
    const { session } = open(() => msg)
    const recipientId = id()
    expect(await session.request({ command: { tag: 'SUB' }, entityId: recipientId, key })).toEqual({ tag: 'OK' })
    const ack = { command: { tag: 'ACK', msgId: msg.msgId }, entityId: recipientId, key } as const
    expect(await session.request(ack)).toEqual({ tag: 'OK' })
    expect(await take(session, 2)).toEqual([
      { entityId: recipientId, message: msg },
      { entityId: recipientId, message: msg },
    ])
    await session.close()
  })

  it('to GET are the answer', async () => {
    const { session } = open(() => msg)
    expect(await session.request({ command: { tag: 'GET' }, entityId: id(), key })).toEqual(msg)
    await session.close()
  })

  it('that come too late become events all the same', async () => {
    const { session, peer, unexpected } = open()
    peer.send(id(), msg, id())
    expect((await take(session, 1))[0]?.message).toEqual(msg)
    expect(unexpected).toEqual([])
    await session.close()
  })
})

describe('back-pressure', () => {
  it('stops reading when the buffer is full, and goes on when events are taken', async () => {
    const { session, peer, connection } = open(ok, { eventBuffer: 10 })
    for (let i = 0; i < 25; i++) peer.send(id(), nmsg())
    await settled(40)
    expect(connection.waiting).toBeGreaterThan(10)
    expect(await take(session, 25)).toHaveLength(25)
    expect(connection.waiting).toBe(0)
    await session.close()
  })

  it('never keeps an answer from somebody who waits for one', async () => {
    const { session, peer } = open(ok, { eventBuffer: 10 })
    for (let i = 0; i < 40; i++) peer.send(id(), nmsg())
    await settled(40)
    // Nobody takes events meanwhile.
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    expect(await take(session, 40)).toHaveLength(40)
    await session.close()
  })

  it('lets lists of requests wait until events are taken, and single ones pass', async () => {
    const { session, peer } = open(
      ({ command, entityId }, peer) => {
        if (command.tag === 'PING') return { tag: 'PONG' }
        peer.send(entityId, nmsg())
        return { tag: 'SOK', serviceId: null }
      },
      { eventBuffer: 10, maxInFlight: 10 },
    )
    const request = { command: { tag: 'NSUB' }, key } as const
    const list = session.requestAll(Array.from({ length: 500 }, () => ({ ...request, entityId: id() })))
    await settled(40)
    expect(peer.commands).toHaveLength(10)
    expect(await session.request(ping)).toEqual({ tag: 'PONG' })
    expect(await take(session, 500)).toHaveLength(500)
    expect((await list).every(({ message }) => message?.tag === 'SOK')).toBe(true)
    await session.close()
  })

  it('does not make a list wait for ever for the one who waits for it', async () => {
    const clock = new ManualClock()
    const { session, peer } = open(
      ({ entityId }, peer) => {
        peer.send(entityId, nmsg())
        return { tag: 'SOK', serviceId: null }
      },
      { eventBuffer: 10, maxInFlight: 10, clock, requestTimeout: 1000 },
    )
    const list = session.requestAll(
      Array.from({ length: 60 }, () => ({ command: { tag: 'NSUB' }, key, entityId: id() }) as const),
    )
    await settled(40)
    expect(peer.commands.length).toBeLessThan(60)
    for (let i = 0; i < 10; i++) await clock.advance(1000)
    expect((await list).every(({ message }) => message?.tag === 'SOK')).toBe(true)
    await session.close()
    expect(clock.timers).toBe(0)
  })

  it('ends the session with OVERFLOW when events come without bound while somebody waits for an answer', async () => {
    const { session, peer } = open(() => undefined, { eventBuffer: 4 })
    const waiting = session.request(ping).catch((error: unknown) => error)
    for (let i = 0; i < 70; i++) peer.send(id(), nmsg())
    expect(await session.closed).toMatchObject({ code: 'OVERFLOW', temporary: true })
    expect(await waiting).toMatchObject({ code: 'OVERFLOW' })
    expect(await take(session, 65)).toHaveLength(64)
  })

  it('notices the end of the connection while it does not read', async () => {
    const { session, peer, connection } = open(ok, { eventBuffer: 2 })
    for (let i = 0; i < 5; i++) peer.send(id(), nmsg())
    await settled()
    connection.end(new Error('cut'))
    expect(await session.closed).toMatchObject({ code: 'CLOSED' })
    expect((await take(session, 6)).length).toBeGreaterThanOrEqual(2)
  })
})

describe('messages of a queue', () => {
  const secret = dh(PrivateKey.generate('x25519'), PrivateKey.generate('x25519').publicKey)
  const queue = () => ({ recipientId: id(), recipientKey: key, secret })
  const encrypted = (text: string) => {
    const msgId = id()
    const body = new TextEncoder().encode(text)
    return {
      tag: 'MSG',
      msgId,
      encBody: encryptMsgBody(secret, msgId, { quota: false, ts: 1, notification: true, body }),
    } as const
  }

  it('are decrypted and acknowledged, and the answer to an ACK brings the next one', async () => {
    const waiting = ['two', 'three'].map(encrypted)
    const mine = queue()
    const { session, peer } = open(({ command }) => (command.tag === 'ACK' && waiting.shift()) || { tag: 'OK' })
    peer.send(mine.recipientId, encrypted('one'))
    peer.send(id(), nmsg())
    await settled()
    const texts: string[] = []
    for await (const message of session.messages(mine)) {
      const content = message.open()
      texts.push(content.quota ? 'quota' : new TextDecoder().decode(content.body))
      await message.ack()
      expect(peer.commands.at(-1)?.command).toEqual({ tag: 'ACK', msgId: message.id })
      if (texts.length === 3) break
    }
    expect(texts).toEqual(['one', 'two', 'three'])
    // What is not the queue's stayed in the stream of all.
    expect((await take(session, 1))[0]?.message.tag).toBe('NMSG')
    await session.close()
  })

  it('go to `events` again when the iteration ends', async () => {
    const mine = queue()
    const { session, peer } = open()
    const messages = session.messages(mine)
    const first = messages.next()
    peer.send(mine.recipientId, encrypted('one'))
    peer.send(mine.recipientId, encrypted('two'))
    await first
    await settled()
    await messages.return()
    peer.send(mine.recipientId, encrypted('three'))
    expect(await take(session, 2)).toHaveLength(2)
    await session.close()
  })

  it.each([
    ['END', 'ENDED'],
    ['DELD', 'DELETED'],
  ] as const)('end with an error on %s', async (tag, code) => {
    const mine = queue()
    const { session, peer } = open()
    const next = session.messages(mine).next()
    peer.send(mine.recipientId, { tag })
    await expect(next).rejects.toMatchObject({ code })
    await session.close()
  })

  it('end with the session, and with the signal', async () => {
    const { session } = open()
    const controller = new AbortController()
    const aborted = session.messages(queue(), { signal: controller.signal }).next()
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    const ended = session.messages(queue()).next()
    await session.close()
    expect(await ended).toEqual({ value: undefined, done: true })
  })

  it('have one reader for each queue', async () => {
    const { session } = open()
    const mine = queue()
    session.messages(mine)
    expect(() => session.messages(mine)).toThrow(TypeError)
    await session.close()
  })

  it('that cannot be decrypted can still be acknowledged', async () => {
    const mine = queue()
    const { session, peer } = open()
    const next = session.messages(mine).next()
    peer.send(mine.recipientId, { tag: 'MSG', msgId: id(), encBody: randomBytes(16_122) })
    const { value } = await next
    expect(() => value?.open()).toThrow(expect.objectContaining({ code: 'DECRYPT' }))
    await value?.ack()
    expect(peer.commands.at(-1)?.command.tag).toBe('ACK')
    await session.close()
  })
})
