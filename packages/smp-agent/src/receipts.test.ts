import { find, get, update } from '@smpkit/agent-store'
import { describe, expect, it } from 'vitest'
import { type ConnectionId, idFromText } from './connection-id.js'
import { useForgers } from './testing/forger.js'
import { Lossy } from './testing/lossy.js'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, text, type User, type UserOptions, useUsers } from './testing/users.js'

const server = useServer()
const forgerOf = useForgers()
const users = useUsers(() => ({ servers: [server().addressText] }))

async function connected(
  options: Partial<UserOptions> = {},
): Promise<{ alice: User; bob: User; a: ConnectionId; b: ConnectionId }> {
  const [alice, bob] = [await users.create(options), await users.create(options)]
  const [a, b] = await connectByInvitation(alice, bob)
  return { alice, bob, a, b }
}

const sentMessages = async ({ store }: User, connection: ConnectionId) =>
  (await store.read({ all: find('messages', 'byConnection', { connId: idFromText(connection) }) })).all

/** A message of Bob, and what a forged receipt says of it. */
async function forged() {
  const { alice, bob, a, b } = await connected()
  const id = await bob.agent.send(b, bytes('hello'))
  await bob.taken('sent')
  await alice.taken('message')
  const [message] = await sentMessages(bob, b)
  if (!message) throw new Error('expected a message that was sent')
  const forger = forgerOf(alice, a)
  let sndMsgId = 2n
  const receipt = (receiptOf: bigint, msgHash: Uint8Array, info = '') => ({
    sndMsgId: receiptOf,
    msgHash,
    info: bytes(info),
  })
  return {
    ...{ alice, bob, a, b, id, message, forger, receipt },
    send: (...receipts: ReturnType<typeof receipt>[]) =>
      forger.sendMessage({
        type: 'message',
        sndMsgId: sndMsgId++,
        prevMsgHash: new Uint8Array(32),
        message: { type: 'received', receipts },
      }),
  }
}

const otherHash = new Uint8Array(32)

describe('a delivery receipt', () => {
  it('waits while nothing can be sent, and holds up nothing else', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a, b] = await connectByInvitation(alice, bob)
    const id = await alice.agent.send(a, bytes('hello'))
    await alice.taken('sent')
    const message = await bob.take('message')
    await alice.stop()
    await bob.agent.synchronize(b, { force: true })
    await message.ack({ receipt: true })
    expect((await bob.taken('synchronization')).state).toBe('started')
    await bob.agent.setNotifications(b, true)
    await bob.taken('notifications')
    await bob.restart()
    await alice.start()
    expect(await alice.found('receipt', 'synchronization')).toMatchObject({ id, status: 'received' })
    await bob.agent.send(b, bytes('after it'))
    expect(await alice.found('message', 'synchronization')).toMatchObject({ integrity: 'OK' })
  })

  it('tells the sender which of its messages came, with the info of the receiver', async () => {
    const { alice, bob, a, b } = await connected()
    const ids = [await alice.agent.send(a, bytes('one')), await alice.agent.send(a, bytes('two'))]
    await (await bob.find('message')).ack({ receipt: true })
    await (await bob.find('message')).ack({ receipt: bytes('read') })
    const first = await alice.found('receipt', 'sent')
    const second = await alice.found('receipt', 'sent')
    expect([first, second]).toMatchObject([
      { id: ids[0], status: 'received', info: bytes('') },
      { id: ids[1], status: 'received', info: bytes('read') },
    ])
    // Receipts have their place in the sender's chain, and are nothing that its application sent.
    await bob.agent.send(b, bytes('next'))
    const next = await alice.taken('message')
    expect([text(next.body), next.integrity, next.sentId]).toEqual(['next', 'OK', 4n])
    await bob.taken('sent')
  })

  it('leaves nothing of the message, once the application has seen it', async () => {
    const { alice, bob, a } = await connected()
    await alice.agent.send(a, bytes('one'))
    await (await bob.take('message')).ack({ receipt: true })
    await alice.taken('sent')
    const receipt = await alice.take('receipt')
    expect(await sentMessages(alice, a)).toMatchObject([{ status: 'received', type: 'msg' }])
    await receipt.ack()
    expect(await sentMessages(alice, a)).toEqual([])
  })

  it('is sent only when the application asks for it', async () => {
    const { alice, bob, a, b } = await connected()
    await alice.agent.send(a, bytes('one'))
    await bob.taken('message')
    await alice.taken('sent')
    await bob.agent.send(b, bytes('next'))
    expect((await alice.taken('message')).sentId).toBe(2n)
  })

  it('is not sent to an agent that does not know it', async () => {
    const { alice, bob, a, b } = await connected({ pqSupport: false })
    await alice.agent.send(a, bytes('one'))
    const message = await bob.take('message')
    const connId = idFromText(b)
    await bob.store.atomic({}, () => ({
      writes: [update('connections', { connId }, { agentVersion: 3 })],
      result: undefined,
    }))
    await message.ack({ receipt: true })
    await alice.taken('sent')
    await bob.agent.send(b, bytes('next'))
    expect((await alice.taken('message')).sentId).toBe(2n)
  })

  it('with too much info is refused, and the message is not acknowledged', async () => {
    const { alice, bob, a } = await connected()
    await alice.agent.send(a, bytes('one'))
    const message = await bob.take('message')
    for (const length of [13_530, 70_000]) {
      await expect(message.ack({ receipt: new Uint8Array(length) })).rejects.toMatchObject({ code: 'LARGE' })
    }
    const { event } = await bob.store.read({ event: get('events', { eventId: message.eventId }) })
    expect(event).toBeDefined()
    await message.ack({ receipt: new Uint8Array(13_529) })
    expect((await alice.found('receipt', 'sent')).info).toHaveLength(13_529)
  })

  it('tells that the message was sent, if the answer to it was lost', async () => {
    const lossy = new Lossy()
    const retry = { fast: { first: 100, growAfter: 10_000, max: 100 } }
    const alice = await users.create({ route: lossy.route, retry })
    const bob = await users.create()
    const [a] = await connectByInvitation(alice, bob)
    lossy.losing = true
    const id = await alice.agent.send(a, bytes('one'))
    await (await bob.take('message')).ack({ receipt: true })
    expect(await alice.taken('sent')).toMatchObject({ id })
    expect(await alice.taken('receipt')).toMatchObject({ id, status: 'received' })
    lossy.losing = false
    const next = await alice.agent.send(a, bytes('two'))
    expect(text((await bob.taken('message')).body)).toBe('two')
    expect(await alice.taken('sent')).toMatchObject({ id: next })
  })

  it('of another message than was sent is told once, and corrected by a good one', async () => {
    const { alice, bob, a, id, message, send, receipt } = await forged()
    const sentId = BigInt(message.sentId)
    await send(receipt(sentId, otherHash), receipt(sentId, otherHash))
    await send(receipt(sentId, otherHash))
    expect(await bob.taken('receipt')).toMatchObject({ id, status: 'badHash' })
    await send(receipt(sentId, message.hash, 'now'), receipt(sentId, message.hash))
    expect(await bob.taken('receipt')).toMatchObject({ id, status: 'received', info: bytes('now') })
    await send(receipt(sentId, message.hash), receipt(sentId, otherHash))
    await alice.agent.send(a, bytes('end'))
    await bob.taken('message')
  })

  it('of what was never sent, or is no message, is nothing', async () => {
    const { alice, bob, a, message, send, receipt } = await forged()
    const ids = [-1n, 0n, 1n, BigInt(message.sentId) + 1n, 2n ** 63n - 1n]
    await send(...ids.map((id) => receipt(id, message.hash)))
    await send(...Array.from({ length: 255 }, (_, i) => receipt(BigInt(i + 3), new Uint8Array(i % 40))))
    await alice.agent.send(a, bytes('end'))
    await bob.taken('message')
  })
})
