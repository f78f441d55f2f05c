import { describe, expect, it } from 'vitest'
import type { AgentEvent } from '../src/index.js'
import { bytes, connectByAddress, connectByInvitation, text, type User, useUsers } from '../src/testing/users.js'
import { overStorages, useTarget } from './target.js'

const target = useTarget()
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}`)

async function send(user: User, connection: string, texts: readonly string[]): Promise<number[]> {
  const ids: number[] = []
  for (const one of texts) ids.push(await user.agent.send(connection, bytes(one)))
  return ids
}

/** So many messages one way, then back: more than a queue holds make their sender wait for room. */
async function toAndFro(alice: User, bob: User, count: number): Promise<void> {
  const [a, b] = await connectByInvitation(alice, bob)
  for (const [from, end, to, other] of [
    [alice, a, bob, b],
    [bob, b, alice, a],
  ] as const) {
    const texts = numbered('message', count)
    const sending = send(from, end, texts)
    const ids: number[] = []
    for (const expected of texts) {
      const message = await to.find('message', 'sent', 'waiting')
      expect(message).toMatchObject({ connection: other, integrity: 'OK', redelivered: false })
      expect(text(message.body)).toBe(expected)
      ids.push(message.id)
      await message.ack()
    }
    await sending
    expect(ids).toEqual(ids.toSorted((x, y) => x - y))
    expect(new Set(ids).size).toBe(count)
  }
}

overStorages((storage) => {
  const users = useUsers(target.first, storage)

  it('messages one way, then back, come in order, complete and unchanged', async () => {
    await toAndFro(await users.create(), await users.create(), 50)
  })

  it('each message is told to be sent, in order and by its number', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    const ids = await send(alice, a, numbered('message', 20))
    const sent: number[] = []
    while (sent.length < 20) sent.push((await alice.taken('sent')).id)
    expect(sent).toEqual(ids)
  })

  it('both at the same time keep the order of each', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a, b] = await connectByAddress(alice, bob)
    const [hers, his] = [numbered('hers', 40), numbered('his', 40)]
    const sending = Promise.all([send(alice, a, hers), send(bob, b, his)])
    expect(await bob.messages(40)).toEqual(hers)
    expect(await alice.messages(40)).toEqual(his)
    await sending
  })

  it('a peer who is offline gets all of it later', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    await bob.stop()
    await send(alice, a, numbered('message', 10))
    for (let i = 0; i < 10; i++) await alice.taken('sent')
    await bob.start()
    expect(await bob.messages(10)).toEqual(numbered('message', 10))
  })
})

describe('messages', () => {
  const users = useUsers(target.first)

  it('of which there are more than a queue holds are all delivered, in order', async () => {
    await toAndFro(await users.create(), await users.create(), 300)
  })

  it.each([
    { pq: true, largest: 13_573 },
    { pq: false, largest: 15_795 },
  ])('of up to $largest bytes go through with pq: $pq, and not one byte more', async ({ pq, largest }) => {
    const [alice, bob] = [await users.create({ pqSupport: pq }), await users.create({ pqSupport: pq })]
    const [a, b] = await connectByInvitation(alice, bob)
    for (const [from, end, to] of [
      [alice, a, bob],
      [bob, b, alice],
    ] as const) {
      const body = new Uint8Array(largest).map((_, i) => i)
      await expect(from.agent.send(end, new Uint8Array(largest + 1))).rejects.toEqual(
        expect.objectContaining({ name: 'RequestError', code: 'LARGE' }),
      )
      await from.agent.send(end, body)
      await from.agent.send(end, new Uint8Array(0))
      const first = await to.found('message', 'sent')
      expect(first).toMatchObject({ integrity: 'OK' })
      expect(first.body).toEqual(body)
      expect((await to.found('message', 'sent')).body).toHaveLength(0)
    }
  })

  it('are post-quantum encrypted after some have gone both ways, where both support that', async () => {
    for (const [hers, his] of [
      [true, true],
      [true, false],
      [false, true],
    ] as const) {
      const [alice, bob] = [await users.create({ pqSupport: hers }), await users.create({ pqSupport: his })]
      const [a, b] = await connectByInvitation(alice, bob)
      let pq = false
      for (let i = 0; i < 3; i++) {
        await alice.agent.send(a, bytes('ping'))
        const ping = await bob.found('message', 'sent')
        await bob.agent.send(b, bytes('pong'))
        const pong = await alice.found('message', 'sent')
        pq = ping.pq && pong.pq
      }
      expect(pq).toBe(hers && his)
    }
  })

  it('of several connections go in parallel: who does not acknowledge one holds up only that', async () => {
    const hub = await users.create()
    const others = [await users.create(), await users.create(), await users.create()]
    const connections = await Promise.all(others.map(() => hub.agent.createInvitation()))
    const joined: string[] = []
    for (const [i, other] of others.entries()) {
      joined.push(await other.agent.join(connections[i]?.link ?? '', { info: bytes(`${i}`) }))
      const { connection } = await hub.found('confirmation', 'connected')
      await hub.agent.allow(connection, bytes('hub'))
      await other.found('connected', 'info')
    }
    for (const [i, other] of others.entries()) await send(other, joined[i] ?? '', numbered(`${i}`, 5))
    const held = new Map<string, AgentEvent[]>()
    const got: string[] = []
    while (got.length < 11) {
      const message = await hub.find('message', 'connected')
      const body = text(message.body)
      got.push(body)
      if (body.startsWith('0')) held.set(body, [message])
      else await message.ack()
    }
    expect(held.size).toBe(1)
    for (const i of [1, 2]) expect(got.filter((body) => body.startsWith(`${i}`))).toEqual(numbered(`${i}`, 5))
    for (const event of held.get('0 0') ?? []) await event.ack()
    expect(await hub.messages(4)).toEqual(numbered('0', 5).slice(1))
  })

  it('to connections that are not made, or are not ours, are refused', async () => {
    const user = await users.create()
    const { connection } = await user.agent.createInvitation()
    const { connection: address } = await user.agent.createAddress()
    const refused = (code: string) => expect.objectContaining({ name: 'RequestError', code })
    await expect(user.agent.send(connection, bytes('x'))).rejects.toEqual(refused('PROHIBITED'))
    await expect(user.agent.send(address, bytes('x'))).rejects.toEqual(refused('PROHIBITED'))
    await expect(user.agent.send('A'.repeat(16), bytes('x'))).rejects.toEqual(refused('NOT_FOUND'))
    await expect(user.agent.send('no id', bytes('x'))).rejects.toEqual(refused('NOT_FOUND'))
  })
})
