// Spec 04 §6.2: what a server tells of its clients.
import { expect, it } from 'vitest'
import type { LogEntry } from './options.js'
import { notificationTick, testBroker } from './testing/test-broker.js'
import { asNotifier, asSender, createQueue, sendCommand } from './testing/test-queue.js'

it('logs commands, answers and events of each connection', async () => {
  const entries: LogEntry[] = []
  const { connect, clock } = testBroker({ log: (entry) => entries.push(entry) })
  const [recipient, notifier] = [connect(), connect()]
  const queue = await createQueue(recipient, { notifier: true })
  entries.length = 0
  await notifier.request({ tag: 'NSUB' }, asNotifier(queue))
  await recipient.request(sendCommand('x'), asSender(queue))
  clock.advance(notificationTick)
  await notifier.settledEvents()
  // The last two are how the test waits for events.
  expect(entries.slice(0, -2).map(({ connection, direction, tag }) => `${connection} ${direction} ${tag}`)).toEqual([
    '1 received NSUB',
    '1 sent SOK',
    '0 received SEND',
    '0 sent OK',
    '1 sent NMSG',
  ])
  expect(entries[0]?.entityId).toEqual(asNotifier(queue).entityId)
  await connect().request({ tag: 'PING' })
  expect(entries.at(-1)).toMatchObject({ connection: 2, direction: 'sent', tag: 'PONG' })
})
