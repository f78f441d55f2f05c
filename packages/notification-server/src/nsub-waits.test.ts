import { describe, expect, test, vi } from 'vitest'
import { NsubWaits } from './nsub-waits.js'
import { ManualClock, settled } from './testing/manual-clock.js'

function setUp(...ids: string[]) {
  const clock = new ManualClock()
  const waits = new NsubWaits(clock)
  const waiter = waits.begin(ids)
  const done = vi.fn()
  const wait = (signal?: AbortSignal) => waiter.wait(1000, signal).then(done, done)
  return { clock, waits, waiter, done, wait }
}

describe('a wait', () => {
  test('ends when all are answered, also those that are named twice, and leaves nothing behind', async () => {
    const { clock, waits, waiter, done, wait } = setUp('a', 'b', 'a')
    const waiting = wait()
    waits.answered(['a'])
    await settled()
    expect(done).not.toHaveBeenCalled()
    waits.answered(['b'])
    await waiting
    waiter.stop()
    expect([waits.size, clock.timers]).toEqual([0, 0])
  })

  test('ends with its time', async () => {
    const { clock, done, wait } = setUp('a')
    void wait()
    await clock.advance(999)
    expect(done).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(done).toHaveBeenCalledWith(undefined)
  })

  test.each(['before', 'meanwhile'])('ends with the signal that aborts %s', async (when) => {
    const { clock, done, wait } = setUp('a')
    const abort = new AbortController()
    const reason = new Error('enough')
    if (when === 'before') abort.abort(reason)
    const waiting = wait(abort.signal)
    abort.abort(reason)
    await waiting
    expect(done).toHaveBeenCalledWith(reason)
    expect(clock.timers).toBe(0)
  })

  test('ends at once where the server ends, as do later ones', async () => {
    const { waits, wait } = setUp('a')
    const waiting = wait()
    waits.close()
    await waiting
    await waits.begin(['b']).wait(1000)
  })

  test('of one does not end with that of another', async () => {
    const { waits, waiter, wait } = setUp('a')
    const waiting = wait()
    const other = waits.begin(['a'])
    other.stop()
    waits.answered(['a'])
    await waiting
    waiter.stop()
    expect(waits.size).toBe(0)
  })
})
