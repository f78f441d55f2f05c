import { describe, expect, it } from 'vitest'
import { EventBounds, maxWaiting, NeedsWaiting, noneWaiting } from './event-bounds.js'
import { useForgers } from './testing/forger.js'
import { useServer } from './testing/server.js'
import { rowsOf } from './testing/switching.js'
import { bytes, connectByInvitation, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))
const forgerOf = useForgers()

describe('the bounds of events', () => {
  it('are not asked for what a peer cannot cause at will', () => {
    const bounds = new EventBounds(undefined)
    expect(bounds.take('message')).toBe(true)
    for (const type of ['error', 'switch', 'synchronization'] as const) {
      expect(() => bounds.take(type)).toThrow(NeedsWaiting)
    }
  })

  it('count what waits, and what a step adds, each type for itself', () => {
    const event = {} as never
    const bounds = new EventBounds({ ...noneWaiting, error: Array(maxWaiting - 2).fill(event) })
    expect([1, 2, 3].map(() => bounds.take('error'))).toEqual([true, true, false])
    expect(bounds.take('switch')).toBe(true)
  })
})

it('a peer that floods us with what cannot be read is told 100 times, and what comes later arrives', async () => {
  const [alice, bob] = [await users.create(), await users.create()]
  const [a, b] = await connectByInvitation(alice, bob)
  const forger = forgerOf(alice, a)
  for (let i = 0; i < 110; i++) await forger.sendInside(bytes('_'))
  await alice.agent.send(a, bytes('good'))
  await expect.poll(async () => (await rowsOf(bob, 'events')).at(-1)?.type, { timeout: 10_000 }).toBe('message')
  expect((await rowsOf(bob, 'events')).filter(({ type }) => type === 'error').length).toBe(100)
  for (let i = 0; i < 100; i++) expect(await bob.taken('error')).toMatchObject({ code: 'A_MESSAGE' })
  await bob.taken('message')
  // There is room again.
  await forger.sendInside(bytes('_'))
  expect(await bob.taken('error')).toMatchObject({ code: 'A_MESSAGE' })
  expect((await bob.agent.connection(b)).canSend).toBe(true)
})
