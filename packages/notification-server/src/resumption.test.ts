import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { expect, test } from 'vitest'
import { Resumption } from './resumption.js'
import { ManualClock } from './testing/manual-clock.js'

const notifierKey = PrivateKey.generate('ed25519')
const notifier = () => ({ notifierId: randomBytes(24), notifierKey })

function setUp(random = () => 0.5) {
  const clock = new ManualClock()
  const subscribed: [string, number][] = []
  const resumption = new Resumption({ clock, random }, (server, { length }) => subscribed.push([server, length]))
  return { clock, subscribed, resumption }
}

test('all that was added of a server is subscribed as a whole', () => {
  const { subscribed, resumption } = setUp()
  resumption.add('a', [notifier(), notifier()])
  resumption.add('b', [notifier()])
  resumption.add('a', [notifier()])
  expect(subscribed).toEqual([])
  resumption.begin(2)
  expect(subscribed).toEqual([
    ['a', 3],
    ['b', 1],
  ])
})

test('many servers are spread, by chance, over at most ten seconds', async () => {
  const { clock, subscribed, resumption } = setUp()
  for (let i = 0; i < 5000; i++) resumption.add(`${i}`, [notifier()])
  resumption.begin(5000)
  await clock.advance(4999)
  expect(subscribed).toHaveLength(0)
  await clock.advance(1)
  expect(subscribed).toHaveLength(5000)
})

test('what somebody wants now is not waited for, and comes once', async () => {
  const { clock, subscribed, resumption } = setUp()
  for (let i = 0; i < 100; i++) resumption.add(`${i}`, [notifier()])
  resumption.begin(100)
  resumption.now('7')
  resumption.now('7')
  expect(subscribed).toEqual([['7', 1]])
  await clock.advance(10_000)
  expect(subscribed).toHaveLength(100)
})

test('nothing comes after the end, and no timer is left', async () => {
  const { clock, subscribed, resumption } = setUp()
  for (let i = 0; i < 100; i++) resumption.add(`${i}`, [notifier()])
  resumption.begin(100)
  resumption.close()
  expect(clock.timers).toBe(0)
  resumption.now('7')
  expect(subscribed).toEqual([])
})
