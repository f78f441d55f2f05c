import { openMemoryStore } from '@smpkit/agent-store'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentEvent, type EventOf, type EventType, openAgent, type SmpAgent } from './index.js'

let server: SmpServer
const agents: SmpAgent[] = []
beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(async () => {
  for (const agent of agents) await agent.close()
  await server.stop()
})

const text = (value: string) => new TextEncoder().encode(value)
const string = (value: Uint8Array) => new TextDecoder().decode(value)

interface User {
  readonly agent: SmpAgent
  readonly events: AsyncIterator<AgentEvent>
}

async function user(): Promise<User> {
  const agent = await openAgent({ store: openMemoryStore(), servers: [server.addressText] })
  agents.push(agent)
  return { agent, events: agent.events() }
}

async function take<T extends EventType>({ events }: User, type: T): Promise<EventOf<T>> {
  const { value } = await events.next()
  expect(value).toMatchObject({ type })
  return value as EventOf<T>
}

async function taken<T extends EventType>(user: User, type: T): Promise<EventOf<T>> {
  const event = await take(user, type)
  await event.ack()
  return event
}

describe('two agents', () => {
  it('connect by an invitation and exchange messages', async () => {
    const [alice, bob] = [await user(), await user()]
    const { connection: a, link } = await alice.agent.createInvitation()
    const b = await bob.agent.join(link, { info: text('bob') })
    const confirmation = await taken(alice, 'confirmation')
    expect(string(confirmation.info)).toBe('bob')
    await alice.agent.allow(a, text('alice'))
    expect(string((await taken(bob, 'info')).info)).toBe('alice')
    await taken(bob, 'connected')
    await taken(alice, 'connected')
    for (let i = 0; i < 10; i++) {
      await alice.agent.send(a, text(`hello ${i}`))
      await bob.agent.send(b, text(`hi ${i}`))
    }
    const got: string[] = []
    for (let i = 0; i < 20; i++) {
      const { value } = await bob.events.next()
      if (value?.type === 'message') {
        got.push(string(value.body))
        expect(value.integrity).toBe('OK')
      }
      await value?.ack()
    }
    expect(got).toEqual(Array.from({ length: 10 }, (_, i) => `hello ${i}`))
  })

  it('connect by a contact address', async () => {
    const [owner, guest] = [await user(), await user()]
    const { link } = await owner.agent.createAddress()
    const g = await guest.agent.join(link, { info: text('guest') })
    const request = await taken(owner, 'request')
    const o = await owner.agent.accept(request.requestId, { info: text('owner') })
    expect(string((await taken(guest, 'confirmation')).info)).toBe('owner')
    await guest.agent.allow(g, text('guest again'))
    expect(string((await taken(owner, 'info')).info)).toBe('guest again')
    await taken(owner, 'connected')
    await taken(guest, 'connected')
    await owner.agent.send(o, text('welcome'))
    await taken(owner, 'sent')
    expect(string((await taken(guest, 'message')).body)).toBe('welcome')
  })
})
