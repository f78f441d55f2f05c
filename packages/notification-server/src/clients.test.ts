// Issue texts, spec 30 §5: what a client of a door may name, and for how long it may stay without a token.
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Core, FrontDoor } from './front-door.js'
import type { Limits } from './limits.js'
import { address, Device, Queue, setUp } from './testing/setup.js'

const day = 86_400_000
const minute = 60_000

async function withClient(limits: Partial<Limits> = {}) {
  const dropped: string[] = []
  let core: Core | undefined
  const door: FrontDoor = {
    name: 'test',
    start: async (given) => {
      core = given
    },
    drop: async (owner) => void dropped.push(owner),
    close: async () => {},
  }
  const setup = await setUp({ doors: [door], limits: { maintenanceEvery: minute, ...limits } })
  const { clients } = core as unknown as Core
  await clients.ensure('owner')
  onTestFinished(() => setup.server.close())
  const row = async () => (await setup.store.read({ clients: { owner: ['owner'] } })).clients[0]
  return { setup, clients, dropped, row, ...setup }
}

describe('a client', () => {
  test('may name so many new SMP servers a day, is told when there may be more, and known ones are free', async () => {
    const { setup, clock } = await withClient({ newServers: 2 })
    const device = await new Device().activate(setup)
    const at = (fill: number, number = fill) =>
      new Queue(number, address(`${fill}.example.com`, fill)).add(setup, device)
    await at(1)
    await clock.advance(day / 4)
    await at(2)
    await expect(at(3)).rejects.toMatchObject({ code: 'LIMIT', reason: 'servers', max: 2, retryAfter: (day * 3) / 4 })
    await at(2, 4)
    await clock.advance((day * 3) / 4)
    await at(3)
    await at(5)
    await expect(at(6)).rejects.toMatchObject({ code: 'LIMIT', reason: 'servers' })
  })

  test('without a token is let go after a day, with all that was kept of it', async () => {
    const { clock, dropped, row } = await withClient()
    await clock.advance(day - minute)
    expect([dropped, await row()]).toMatchObject([[], { owner: 'owner' }])
    await clock.advance(3 * minute)
    expect([dropped, await row()]).toEqual([['owner'], undefined])
  })

  test('that has a token stays, and has another day after its last one is deleted', async () => {
    const { setup, server, clock, dropped } = await withClient()
    const device = await new Device().activate(setup)
    await clock.advance(3 * day)
    await server.tokens.remove(device)
    await clock.advance(day - minute)
    expect(dropped).toEqual([])
    await clock.advance(day + 3 * minute)
    expect(dropped).toEqual(['owner'])
  })
})
