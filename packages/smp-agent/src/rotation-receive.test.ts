import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AgentEvent, EventOf } from './index.js'
import { bytes, connectByInvitation, type Ends, text, type User, useUsers } from './testing/users.js'

let servers: SmpServer[]
beforeAll(async () => {
  servers = [await startSmpServer(), await startSmpServer()]
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

const addressOf = (no: number) => servers[no]?.addressText ?? ''
const quick = { fast: { first: 50, growAfter: 1000, max: 200 } }
const users = useUsers(() => ({ servers: [addressOf(0)], retry: quick }))

async function pair(): Promise<{ alice: User; bob: User; ends: Ends }> {
  const [alice, bob] = [await users.create(), await users.create()]
  return { alice, bob, ends: await connectByInvitation(alice, bob) }
}

const phase = ({ side, phase }: EventOf<'switch'>) => `${side} ${phase}`

/** Acknowledges events until one is as wanted; gives all of them. */
async function until(user: User, isLast: (event: AgentEvent) => boolean): Promise<AgentEvent[]> {
  const events: AgentEvent[] = []
  for (;;) {
    const event = await user.next()
    await event.ack()
    events.push(event)
    if (isLast(event)) return events
  }
}

const isSwitch = (name: string) => (event: AgentEvent) => event.type === 'switch' && phase(event) === name
const phases = (events: AgentEvent[]) => events.flatMap((event) => (event.type === 'switch' ? [phase(event)] : []))

const receivePhases = ['receive started', 'receive confirmed', 'receive secured', 'receive completed']
const sendPhases = ['send started', 'send confirmed', 'send secured', 'send completed']

const rowsOf = async (user: User, table: 'receiveQueues' | 'sendQueues' | 'deliveries' | 'commands') => {
  const rows = []
  for await (const page of user.store.pages(table)) rows.push(...page)
  return rows
}

describe('switchQueue', () => {
  it('moves the queue to the server that is named; both sides are told of each phase', async () => {
    const { alice, bob, ends } = await pair()
    await alice.agent.switchQueue(ends[0], { server: addressOf(1) })
    const [a, b] = await Promise.all([
      until(alice, isSwitch('receive completed')),
      until(bob, isSwitch('send completed')),
    ])
    expect(phases(a)).toEqual(receivePhases)
    expect(phases(b)).toEqual(sendPhases)
    await bob.agent.send(ends[1], bytes('here?'))
    expect(await alice.messages(1)).toEqual(['here?'])
    await expect.poll(() => rowsOf(alice, 'receiveQueues')).toMatchObject([{ status: 'active', replaces: null }])
    const [queue] = await rowsOf(alice, 'receiveQueues')
    expect(queue).toMatchObject({ switchStatus: 'none', isPrimary: true })
    expect(await rowsOf(bob, 'sendQueues')).toMatchObject([{ status: 'active', replaces: null, switchStatus: 'none' }])
    expect(servers[1]?.statistics().queues).toBe(1)
  })
})
