import { find } from '@smpkit/agent-store'
import { type Requester, SmpClientError, SmpReplyError } from '@smpkit/smp-client'
import { describe, expect, it } from 'vitest'
import { acknowledgeMessage } from './acknowledgements.js'
import { idFromText } from './connection-id.js'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, text, type User, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))

async function connected() {
  const [alice, bob] = [await users.create(), await users.create()]
  const [a, b] = await connectByInvitation(alice, bob)
  return { alice, bob, a, b }
}

const eventsOf = async ({ store }: User, connection: string) =>
  (await store.read({ events: find('events', 'byConnection', { connId: idFromText(connection) }) })).events

describe('an event', () => {
  it('comes again, as the same, until it is acknowledged', async () => {
    const { alice, bob, a } = await connected()
    await alice.agent.send(a, bytes('one'))
    const first = await bob.take('message')
    expect(first.redelivered).toBe(false)
    await bob.restart()
    const again = await bob.take('message')
    const { eventId, id, body } = first
    expect(again).toMatchObject({ redelivered: true, eventId, id, body })
    await again.ack()
    await bob.restart()
    await alice.agent.send(a, bytes('two'))
    const next = await bob.taken('message')
    expect([text(next.body), next.redelivered]).toEqual(['two', false])
  })

  it('of a message is what the server waits for before it sends the next', async () => {
    const { alice, bob, a, b } = await connected()
    await alice.agent.send(a, bytes('one'))
    await alice.agent.send(a, bytes('two'))
    const first = await bob.take('message')
    await alice.taken('sent')
    await alice.taken('sent')
    expect(await eventsOf(bob, b)).toHaveLength(1)
    await first.ack()
    expect(await bob.messages(1)).toEqual(['two'])
  })

  it('may be acknowledged more than once, which does nothing more', async () => {
    const { alice, bob, a, b } = await connected()
    await alice.agent.send(a, bytes('one'))
    const message = await bob.take('message')
    await Promise.all([message.ack({ receipt: true }), message.ack({ receipt: true })])
    await message.ack({ receipt: true })
    await alice.found('receipt', 'sent')
    await bob.agent.send(b, bytes('next'))
    // The confirmation had 1, the only receipt 2.
    expect((await alice.taken('message')).sentId).toBe(3n)
  })
})

describe('the acknowledgement to the server', () => {
  /** How often a server is asked that fails twice. */
  async function asked(error: Error, isSubscribed: boolean, schedule: (work: () => void) => void): Promise<number> {
    const { bob, b } = await connected()
    const queries = { queues: find('receiveQueues', 'byConnection', { connId: idFromText(b) }) }
    const [queue] = (await bob.store.read(queries)).queues
    if (!queue) throw new Error('expected a queue')
    let count = 0
    const requester: Requester = {
      request: async () => {
        if (++count < 3) throw error
        return { tag: 'OK' } as never
      },
    }
    const clock = {
      now: () => 0,
      schedule: (work: () => void) => {
        schedule(work)
        return () => {}
      },
    }
    const network = { recipient: () => requester }
    const context = { network, clock, closing: closing.signal, isSubscribed: () => isSubscribed }
    await acknowledgeMessage(context, queue, '', new Uint8Array(24))
    return count
  }

  const closing = new AbortController()
  const away = new SmpReplyError({ code: 'STORE', text: 'away' })
  const cases: [string, Error, boolean, number][] = [
    ['is repeated where the server cannot do it now', away, true, 3],
    ['is repeated where there is no answer', new SmpClientError('TIMEOUT', 'no answer'), true, 3],
    ['is not repeated for a queue that is fetched from, whose message comes again', away, false, 1],
    ['is not repeated after the session, as the message comes again', new SmpClientError('CLOSED', 'lost'), true, 1],
    ['is not repeated where the server has no such message', new SmpReplyError({ code: 'NO_MSG' }), true, 1],
  ]
  it.each(cases)('%s', async (_, error, isSubscribed, count) => {
    expect(await asked(error, isSubscribed, (work) => queueMicrotask(work))).toBe(count)
  })

  it('ends with the agent', async () => {
    expect(await asked(away, true, () => queueMicrotask(() => closing.abort()))).toBe(1)
  })
})
