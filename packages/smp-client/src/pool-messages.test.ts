import { dh, PrivateKey, randomBytes } from '@smpkit/crypto'
import { type BrokerMessage, encryptMsgBody } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { SmpPool } from './pool.js'
import { address, FakeNetwork } from './testing/fake-network.js'
import { type Handler, ok } from './testing/fake-server.js'
import { ManualClock, settled } from './testing/manual-clock.js'

const key = PrivateKey.generate('ed25519')
const id = () => randomBytes(24)
const secret = dh(PrivateKey.generate('x25519'), PrivateKey.generate('x25519').publicKey)

/** A server with one queue, of which each new connection gets the first message again. */
function setUp(texts: string[]) {
  const queue = { recipientId: id(), recipientKey: key, secret }
  const stored = texts.map((text) => {
    const [msgId, body] = [id(), new TextEncoder().encode(text)]
    const encBody = encryptMsgBody(secret, msgId, { quota: false, ts: 1, notification: false, body })
    return { tag: 'MSG', msgId, encBody } as const
  })
  const network = new FakeNetwork()
  const acked: string[] = []
  const delivered = new WeakSet<object>()
  network.handler = (one, peer) => {
    const { command } = one
    if (command.tag === 'SUB') {
      const [head] = stored
      if (head) setImmediate(() => peer.send(one.entityId, head))
      delivered.add(peer)
    }
    if (command.tag !== 'ACK') return ok(one, peer)
    if (!delivered.has(peer) || String(stored[0]?.msgId) !== String(command.msgId))
      return { tag: 'ERR', error: { code: 'NO_MSG' } }
    acked.push(String(command.msgId))
    stored.shift()
    return stored[0] ?? { tag: 'OK' }
  }
  const clock = new ManualClock()
  const pool = new SmpPool({ connect: network.connect, clock, random: () => 0.5 })
  return { network, clock, pool, server: pool.server(address()), queue, stored, acked }
}

const textOf = (message: { open(): { quota: boolean; body?: Uint8Array } } | undefined) =>
  new TextDecoder().decode(message?.open().body)

describe('messages of a queue of a pool', () => {
  it('come one after another, each when the one before is acknowledged, and not as events', async () => {
    const { pool, server, queue, network } = setUp(['one', 'two', 'three'])
    const texts: string[] = []
    for await (const message of server.messages(queue)) {
      texts.push(textOf(message))
      await message.ack()
      if (texts.length === 3) break
    }
    expect(texts).toEqual(['one', 'two', 'three'])
    expect(network.peer.commands.map(({ command }) => command.tag)).toEqual(['SUB', 'ACK', 'ACK', 'ACK'])
    expect(server.tables.messages.size).toBe(0)
    await pool.close()
    expect((await pool.events.next()).done).toBe(true)
  })

  it('survive a lost connection: what was not acknowledged comes again, what was does not', async () => {
    const { pool, server, queue, network, clock, acked } = setUp(['one', 'two'])
    const messages = server.messages(queue)
    const first = (await messages.next()).value
    network.cut()
    await clock.advance(2000)
    expect(network.attempts).toBe(2)
    // It has come again meanwhile, and is not told twice.
    await first?.ack()
    const second = (await messages.next()).value
    expect(textOf(second)).toBe('two')
    expect(acked).toHaveLength(1)
    await second?.ack()
    const third = messages.next()
    await settled()
    await messages.return()
    expect((await third).done).toBe(true)
    await pool.close()
  })

  it('come again when their acknowledgement was lost', async () => {
    const { pool, server, queue, network, clock } = setUp(['one'])
    const messages = server.messages(queue)
    const first = (await messages.next()).value
    const handler = network.handler
    network.peer.handler = () => void network.cut()
    await first?.ack()
    network.handler = handler
    await clock.advance(2000)
    const again = (await messages.next()).value
    expect(again?.id).toEqual(first?.id)
    await again?.ack()
    await pool.close()
    expect((await messages.next()).done).toBe(true)
  })

  it.each<[string, BrokerMessage, string]>([
    ['END', { tag: 'END' }, 'ENDED'],
    ['DELD', { tag: 'DELD' }, 'DELETED'],
    ['ERR', { tag: 'ERR', error: { code: 'INTERNAL' } }, 'INTERNAL'],
  ])('end with %s', async (_, event, code) => {
    const { pool, server, queue, network } = setUp([])
    const next = server.messages(queue).next()
    await settled()
    network.peer.send(queue.recipientId, event)
    await expect(next).rejects.toMatchObject({ code })
    expect(server.tables.messages.size).toBe(0)
    await pool.close()
  })

  it('end when the queue is refused, and with the signal', async () => {
    const { pool, server, queue, network } = setUp([])
    const usual: Handler = network.handler
    network.handler = () => ({ tag: 'ERR', error: { code: 'AUTH' } })
    await expect(server.messages(queue).next()).rejects.toMatchObject({ code: 'AUTH' })
    for (const peer of network.peers) peer.handler = usual
    const controller = new AbortController()
    const next = server.messages(queue, { signal: controller.signal }).next()
    controller.abort()
    await expect(next).rejects.toMatchObject({ code: 'ABORTED' })
    expect(server.tables.messages.size).toBe(0)
    await pool.close()
    expect((await server.messages(queue).next()).done).toBe(true)
  })

  it('cost one place however many a server sends', async () => {
    const { pool, server, queue, network, stored } = setUp(['one'])
    const messages = server.messages(queue)
    await settled()
    const [message] = stored
    for (let i = 0; i < 3000; i++) if (message) network.peer.send(queue.recipientId, { ...message, msgId: id() })
    await settled(400)
    expect((await messages.next()).done).toBe(false)
    const next = messages.next()
    await messages.return()
    expect((await next).done).toBe(true)
    await pool.close()
  })

  it('have one reader for each queue', async () => {
    const { pool, server, queue } = setUp([])
    const messages = server.messages(queue)
    expect(() => server.messages(queue)).toThrow(TypeError)
    await messages.return()
    await server.messages(queue).return()
    await pool.close()
  })
})
