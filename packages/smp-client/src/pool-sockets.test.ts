import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { describe, expect, it } from 'vitest'
import { addNotifier } from './notifier.js'
import { openSession } from './open-session.js'
import { SmpPool } from './pool.js'
import { newQueue } from './recipient.js'
import { sendMessage } from './sender.js'

const fast = { firstDelay: 20, maxDelay: 100 }

async function setUp(server: SmpServer, count: number) {
  const session = await openSession(server.address)
  const queues = []
  for (let i = 0; i < count; i++) {
    const queue = await newQueue(session, { subMode: 'create' })
    queues.push({ queue, notifier: await addNotifier(session, queue) })
  }
  await session.close()
  const subscriptions = queues.map(({ notifier }) => ({ id: notifier.notifierId, key: notifier.notifierKey }))
  return { queues, subscriptions }
}

/** Resolves when all are subscribed. */
async function allOk(pool: SmpPool, count: number): Promise<void> {
  const ok = new Set<string>()
  for await (const { id, result } of pool.outcomes) {
    if (result === 'ok') ok.add(String(id))
    else ok.delete(String(id))
    if (ok.size === count) return
  }
}

describe('a pool over sockets', () => {
  it('finds its server again after a restart, and misses no notification', async () => {
    const first = await startSmpServer({ notificationTick: 20 })
    const { port } = first
    const { queues, subscriptions } = await setUp(first, 20)
    const pool = new SmpPool({ reconnect: fast })
    const server = pool.server(first.address)
    await server.subscribe('notifications', subscriptions)
    const state = await first.stop()
    expect(await server.subscribe('notifications', subscriptions)).toSatisfy((outcomes: { result: string }[]) =>
      outcomes.every(({ result }) => result === 'pending'),
    )
    const second = await startSmpServer({ state, port, notificationTick: 20 })
    await allOk(pool, 20)
    const sender = await openSession(second.address)
    for (const { queue } of queues) {
      await sendMessage(sender, { ...queue, senderKey: null }, new Uint8Array(1), { notification: true })
    }
    const notified = new Set<string>()
    for await (const { entityId, message } of pool.events) {
      if (message.tag === 'NMSG') notified.add(String(entityId))
      if (notified.size === 20) break
    }
    expect(notified).toEqual(new Set(subscriptions.map(({ id }) => String(id))))
    await sender.close()
    await pool.close()
    await second.stop()
  })

  it('is subscribed in the end, however often the connection is cut', async () => {
    const server = await startSmpServer()
    const { subscriptions } = await setUp(server, 30)
    const pool = new SmpPool({ reconnect: fast })
    void pool.server(server.address).subscribe('notifications', subscriptions)
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, i * 7))
      await server.dropConnections()
    }
    await allOk(pool, 30)
    expect(pool.server(server.address).tables.notifications.hasWork).toBe(false)
    await pool.close()
    await server.stop()
  })

  it('keeps to the certificate: another server at the same port is not the one', async () => {
    const first = await startSmpServer()
    const { subscriptions } = await setUp(first, 1)
    await first.stop()
    const other = await startSmpServer({ port: first.port })
    const pool = new SmpPool({ reconnect: fast })
    const [outcome] = await pool.server(first.address).subscribe('notifications', subscriptions)
    expect(outcome).toMatchObject({ result: 'pending', error: { code: 'CONNECT', cause: { code: 'IDENTITY' } } })
    await pool.close()
    await other.stop()
  })
})
