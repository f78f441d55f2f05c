// Spec 30 §2, §5: `gone` for a day, to the former owner only; lists of subscriptions.
import { describe, expect, test } from 'vitest'
import { Device, down, Queue, setUp, up, withQueues } from './testing/setup.js'

const hour = 3_600_000
const coded = (code: string) => expect.objectContaining({ code })

describe('what was deleted', () => {
  test('is gone for a day, then was never there; to others at once', async () => {
    const { setup, server, device, queues, clock } = await withQueues(1)
    const [queue] = queues
    const { id } = await (queue as Queue).add(setup, device)
    await server.tokens.remove(device)
    for (const owned of [device, { owner: device.owner, id: device.id }]) {
      await expect(server.tokens.get(owned)).rejects.toEqual(coded('GONE'))
      await expect(server.tokens.remove(owned)).rejects.toEqual(coded('GONE'))
    }
    await expect(server.subscriptions.get({ owner: 'owner', id })).rejects.toEqual(coded('GONE'))
    await expect(server.subscriptions.get({ owner: 'stranger', id })).rejects.toEqual(coded('NOT_FOUND'))
    await clock.advance(23 * hour)
    await expect(server.subscriptions.get({ owner: 'owner', id })).rejects.toEqual(coded('GONE'))
    await clock.advance(2 * hour)
    await expect(server.subscriptions.get({ owner: 'owner', id })).rejects.toEqual(coded('NOT_FOUND'))
    expect(await setup.store.page('tombstones', { limit: 9 })).toEqual([])
  })

  test('by another owner who verified the device is gone for the one who lost it', async () => {
    const setup = await setUp()
    const loser = await new Device('loser', 'one phone').activate(setup)
    const { id } = await new Queue(1).add(setup, loser)
    await new Device('winner', 'one phone').activate(setup)
    await expect(setup.server.tokens.get(loser)).rejects.toEqual(coded('GONE'))
    await expect(setup.server.subscriptions.get({ owner: 'loser', id })).rejects.toEqual(coded('GONE'))
    expect(await setup.server.subscriptions.list({ owner: 'loser', limit: 9 })).toEqual({ items: [], more: false })
  })
})

describe('a list of subscriptions', () => {
  test('comes in pages of which none is left out, whatever is asked for', async () => {
    const { server, subscriber, clock } = await withQueues(7)
    subscriber.emit(up())
    await clock.advance(0)
    const all = async (filter: { status?: 'active' | 'inactive'; since?: number }) => {
      const pages: string[][] = []
      for (let after: string | undefined; ; ) {
        const { items, more } = await server.subscriptions.list({ owner: 'owner', limit: 3, after, ...filter })
        pages.push(items.map(({ id }) => id))
        if (!more) return pages
        after = items.at(-1)?.id
      }
    }
    const pages = await all({})
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1])
    expect(pages.flat()).toEqual([...new Set(pages.flat())].sort())
    expect(await all({ status: 'active' })).toEqual(pages)
    expect(await all({ status: 'inactive' })).toEqual([[]])
    const since = clock.now() + 1000
    expect(await all({ since })).toEqual([[]])
    await clock.advance(1000)
    subscriber.emit(down(false))
    await clock.advance(0)
    expect(await all({ since, status: 'inactive' })).toEqual(pages)
    subscriber.emit(up())
    await clock.advance(0)
    expect(await all({ status: 'active' })).toEqual(pages)
  })
})

test('an owner who deletes very much is told of so many at most', async () => {
  const { setup, server, queues, device } = await withQueues(3, { limits: { tombstones: 2 } })
  for (const queue of queues) {
    const { id } = await queue.add(setup, device)
    await server.subscriptions.remove({ owner: device.owner, id })
  }
  await server.tokens.remove(device)
  expect(await setup.store.page('tombstones', { limit: 9 })).toHaveLength(2)
})
