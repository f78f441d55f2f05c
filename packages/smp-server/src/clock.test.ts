import { describe, expect, it } from 'vitest'
import { every, ManualClock, systemClock } from './clock.js'

describe('ManualClock', () => {
  it('calls what falls due, in the order of time, and sees that time', () => {
    const clock = new ManualClock(0)
    const calls: [string, number][] = []
    clock.schedule(() => calls.push(['late', clock.now()]), 20)
    clock.schedule(() => calls.push(['early', clock.now()]), 10)
    clock.schedule(() => calls.push(['never', clock.now()]), 31)
    clock.advance(30)
    expect(calls).toEqual([
      ['early', 10],
      ['late', 20],
    ])
    expect(clock.now()).toBe(30)
  })

  it('calls what a callback schedules, if it falls due', () => {
    const clock = new ManualClock(0)
    const calls: number[] = []
    clock.schedule(() => clock.schedule(() => calls.push(clock.now()), 5), 5)
    clock.advance(9)
    expect(calls).toEqual([])
    clock.advance(1)
    expect(calls).toEqual([10])
  })

  it('does not call what was cancelled', () => {
    const clock = new ManualClock(0)
    const calls: number[] = []
    const cancel = clock.schedule(() => calls.push(1), 5)
    cancel()
    clock.advance(10)
    expect(calls).toEqual([])
  })
})

describe('every', () => {
  it('calls at each interval until it is ended', () => {
    const clock = new ManualClock(0)
    const calls: number[] = []
    const end = every(clock, 10, () => calls.push(clock.now()))
    clock.advance(25)
    end()
    clock.advance(100)
    expect(calls).toEqual([10, 20])
  })
})

describe('systemClock', () => {
  it('calls back once, unless cancelled', async () => {
    const calls: string[] = []
    systemClock.schedule(() => calls.push('cancelled'), 1)()
    await new Promise<void>((resolve) => {
      systemClock.schedule(() => calls.push('first'), 1)
      systemClock.schedule(resolve, 5)
      // The clock's own timers do not keep the process alive.
      setTimeout(() => {}, 100)
    })
    expect(calls).toEqual(['first'])
  })
})
