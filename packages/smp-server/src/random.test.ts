import { emptyIdsHash, xorIdsHash } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { describe, expect, it } from 'vitest'
import { idBytes } from './queue.js'
import { newCertificate, testBroker } from './testing/test-broker.js'
import type { TestClient } from './testing/test-client.js'
import {
  asNotifier,
  asRecipient,
  asSender,
  createQueue,
  msgIdOf,
  sendCommand,
  type TestQueue,
  textOf,
} from './testing/test-queue.js'

/** Numbers below `n`, the same for the same seed. */
function randomNumbers(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

interface Known {
  readonly queue: TestQueue
  /** Texts that were answered with OK. */
  readonly sent: string[]
  /** Texts whose acknowledgement was accepted. */
  readonly taken: Set<string>
}

const empty = new Uint8Array(0)

/** Clients that do whatever they like with the same queues. */
async function run(seed: number) {
  const below = randomNumbers(seed)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const test = testBroker({ quota: 8 })
  const certificates = [
    null,
    null,
    newCertificate('messaging'),
    newCertificate('messaging'),
    newCertificate('notifier'),
  ]
  const connect = (i: number) => test.connect(pick([16, 18, 20]), certificates[i % certificates.length] ?? null)
  const clients = Array.from({ length: 6 }, (_, i) => connect(i))
  const admin = test.connect()
  const known: Known[] = []
  for (let i = 0; i < 4; i++)
    known.push({ queue: await createQueue(admin, { notifier: true }), sent: [], taken: new Set() })

  const acknowledge = async (client: TestClient, { queue, taken }: Known) => {
    const events = [...client.events, ...client.blocks.flat()].filter(({ message }) => message.tag === 'MSG')
    const messages = events.filter(({ entityId }) => toHex(entityId) === toHex(queue.recipientId))
    if (messages.length === 0) return
    const { message } = pick(messages.slice(-2))
    const answer = await client.request({ tag: 'ACK', msgId: msgIdOf(message) }, asRecipient(queue))
    if (answer.tag !== 'ERR') taken.add(textOf(queue, message))
  }

  for (let step = 0; step < 500; step++) {
    const i = below(clients.length)
    const client = clients[i] as TestClient
    const item = pick(known)
    const { queue } = item
    const serviceId = client.session.service?.serviceId ?? empty
    switch (below(9)) {
      case 0:
        await client.request({ tag: 'SUB' }, asRecipient(queue))
        break
      case 1:
        await client.request({ tag: 'NSUB' }, asNotifier(queue))
        break
      case 2:
        if (below(3) === 0) await client.request({ tag: 'GET' }, asRecipient(queue))
        break
      case 3:
        await acknowledge(client, item)
        break
      case 4:
        await client.request({ tag: 'ACK', msgId: empty }, asRecipient(queue))
        break
      case 5: {
        const tag = client.session.service?.role === 'notifier' ? 'NSUBS' : 'SUBS'
        const counted = client.session.version >= 19 ? { count: 0n, idsHash: empty } : {}
        if (serviceId.length > 0) await client.request({ tag, ...counted }, { entityId: serviceId })
        break
      }
      case 6:
        test.clock.advance(below(20_000))
        break
      case 7:
        if (below(4) > 0) break
        await client.close()
        clients[i] = connect(i)
        break
      default: {
        const text = `message ${step}`
        const answer = await admin.request(sendCommand(text), asSender(queue))
        if (answer.tag === 'OK') item.sent.push(text)
      }
    }
  }
  return { ...test, clients, known }
}

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('clients that do anything with the same queues (seed %i)', (seed) => {
  it('lose no message and take none twice, and leave nothing behind', async () => {
    const { broker, clients, known, connect, errors } = await run(seed)
    for (const { idsHash, queues, role } of broker.store.services.values()) {
      const ids = [...queues].map(({ recipientId, notifier }) =>
        role === 'notifier' ? notifier?.notifierId : recipientId,
      )
      expect(idsHash).toEqual(ids.reduce((hash, id) => xorIdsHash(hash, idBytes(id ?? '')), emptyIdsHash()))
    }
    for (const client of clients) await client.close()
    await expect.poll(() => broker.statistics().connections).toBe(1)
    expect(broker.statistics().subscriptions).toEqual({ queues: 0, notifiers: 0, services: 0 })
    expect(known.some(({ taken }) => taken.size > 0)).toBe(true)
    const last = connect()
    for (const { queue, sent, taken } of known) {
      const left: string[] = []
      let message = await last.request({ tag: 'GET' }, asRecipient(queue))
      while (message.tag === 'MSG') {
        const text = textOf(queue, message)
        if (text !== 'QUOTA') left.push(text)
        await last.request({ tag: 'ACK', msgId: msgIdOf(message) }, asRecipient(queue))
        message = await last.request({ tag: 'GET' }, asRecipient(queue))
      }
      expect(left).toEqual(sent.filter((text) => !taken.has(text)))
    }
    expect(errors).toEqual([])
  })
})
