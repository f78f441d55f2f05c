import { ManualClock } from '@smpkit/smp-server'
import { expect, it } from 'vitest'
import { Workers } from './workers.js'

function setUp() {
  const clock = new ManualClock()
  const closing = new AbortController()
  const errors: unknown[] = []
  const workers = new Workers(clock, closing.signal, (error) => errors.push(error))
  return { clock, closing, errors, workers }
}

/** Lets all that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

it('one worker for each key at a time, again for what was added meanwhile', async () => {
  const { workers } = setUp()
  const log: string[] = []
  const work = (name: string) => async () => {
    log.push(`${name} begins`)
    await settle()
    log.push(`${name} ends`)
  }
  for (const name of ['a', 'b', 'a', 'a']) workers.wake(name, work(name))
  await workers.ended()
  const begun = ['a begins', 'b begins', 'a ends', 'a begins', 'b ends', 'a ends']
  expect(log.toSorted()).toEqual(begun.toSorted())
  expect(log.filter((line) => line.startsWith('a'))).toEqual(['a begins', 'a ends', 'a begins', 'a ends'])
})

it('a wait lasts its time, whoever wakes the worker, unless that is urgent', async () => {
  const { clock, workers } = setUp()
  let rounds = 0
  let isDone = false
  const wake = (options?: { urgent: boolean }) =>
    workers.wake(
      'a',
      async ({ wait }) => {
        while (!isDone) {
          rounds++
          await wait(1000)
        }
      },
      options,
    )
  wake()
  await settle()
  wake()
  wake()
  clock.advance(999)
  await settle()
  expect(rounds).toBe(1)
  clock.advance(1)
  await settle()
  expect(rounds).toBe(2)
  wake({ urgent: true })
  await settle()
  expect(rounds).toBe(3)
  // It has waited once, and once is enough.
  await settle()
  expect(rounds).toBe(3)
  workers.wakeAll()
  await settle()
  expect(rounds).toBe(4)
  isDone = true
  clock.advance(1000)
  await workers.ended()
})

it('who is woken urgently while it works does not wait afterwards', async () => {
  const { workers } = setUp()
  let waits = 0
  const work = async ({ wait }: { wait(milliseconds: number): Promise<void> }) => {
    await settle()
    if (waits++ === 0) await wait(1000)
  }
  workers.wake('a', work)
  workers.wake('a', work, { urgent: true })
  await workers.ended()
  expect(waits).toBe(2)
})

it('the end of the agent ends all waits and all work, and nothing begins afterwards', async () => {
  const { closing, errors, workers } = setUp()
  let rounds = 0
  const work = async ({ signal, wait }: { signal: AbortSignal; wait(milliseconds: number): Promise<void> }) => {
    rounds++
    await wait(1000)
    await wait(1000)
    if (signal.aborted) throw new Error('the end of work')
  }
  workers.wake('a', work)
  await settle()
  workers.wake('a', work)
  closing.abort()
  workers.wake('b', work)
  await workers.ended()
  expect([rounds, errors]).toEqual([1, []])
})

it('what fails is told, and the others go on', async () => {
  const { errors, workers } = setUp()
  const error = new Error('a mistake')
  let done = false
  workers.wake('a', () => Promise.reject(error))
  workers.wake('b', async () => {
    await settle()
    done = true
  })
  await workers.ended()
  expect([errors, done]).toEqual([[error], true])
})
