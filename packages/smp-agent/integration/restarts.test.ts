import { expect, it } from 'vitest'
import { bytes, connectByAddress, text, type User, useUsers } from '../src/testing/users.js'
import { overStorages, useTarget } from './target.js'

const target = useTarget()
const count = 30
const numbered = (name: string) => Array.from({ length: count }, (_, i) => `${name} ${i}`)
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** As an application that stores by the message's number before it acknowledges, and that may be stopped at any time. */
async function receive(user: User, stored: Map<number, string>, end: AbortSignal): Promise<void> {
  while (stored.size < count && !end.aborted) {
    const { agent } = user
    for await (const event of agent.events()) {
      if (event.type === 'message') {
        expect(event.integrity).toBe('OK')
        if (stored.has(event.id)) expect(event.redelivered).toBe(true)
        stored.set(event.id, text(event.body))
      } else expect(event.type).toBe('sent')
      await event.ack().catch(() => {})
      if (stored.size === count) break
    }
    while (user.isStopped && !end.aborted) await pause(1)
  }
}

overStorages((storage) => {
  const users = useUsers(target.first, storage)

  it('whatever restarts while they talk, all messages come, once and in order', async (context) => {
    const server = target.embedded(context)
    const [alice, bob] = [await users.create(), await users.create()]
    const ends = await connectByAddress(alice, bob)
    const end = new AbortController()
    const got = [new Map<number, string>(), new Map<number, string>()] as const
    const receiving = Promise.all([alice, bob].map((user, i) => receive(user, got[i as 0 | 1], end.signal)))
    for (let i = 0; i < count; i++) {
      await alice.agent.send(ends[0], bytes(`from alice ${i}`))
      await bob.agent.send(ends[1], bytes(`from bob ${i}`))
      const random = Math.random()
      if (random < 0.1) await alice.restart()
      else if (random < 0.2) await bob.restart()
      else if (random < 0.3) await server.dropConnections()
      else if (random < 0.35) {
        await server.stop()
        await pause(10)
        await server.start()
      }
      await pause(Math.random() * 20)
    }
    await receiving
    end.abort()
    expect([...got[0].values()]).toEqual(numbered('from bob'))
    expect([...got[1].values()]).toEqual(numbered('from alice'))
  })
})
