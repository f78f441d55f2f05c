import { describe, expect, it } from 'vitest'
import { Slots } from './slots.js'

/** A task that ends when it is told. */
function task(started: string[], name: string) {
  let end = () => {}
  const run = () => {
    started.push(name)
    return new Promise<void>((resolve) => {
      end = resolve
    })
  }
  return { run, end: () => end() }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('Slots', () => {
  it('runs a number of tasks at a time, the others in their order', async () => {
    const started: string[] = []
    const slots = new Slots(2)
    const tasks = ['a', 'b', 'c', 'd'].map((name) => task(started, name))
    for (const { run } of tasks) slots.run(run)
    expect(started).toEqual(['a', 'b'])
    tasks[1]?.end()
    await settle()
    expect(started).toEqual(['a', 'b', 'c'])
    tasks[0]?.end()
    await settle()
    expect(started).toEqual(['a', 'b', 'c', 'd'])
  })

  it('tells when a task would run at once', async () => {
    const started: string[] = []
    const slots = new Slots(1)
    expect(slots.room()).toBeUndefined()
    const [first, second] = [task(started, 'a'), task(started, 'b')]
    slots.run(first.run)
    slots.run(second.run)
    let hasRoom = false
    void slots.room()?.then(() => {
      hasRoom = true
    })
    first.end()
    await settle()
    expect(hasRoom).toBe(false)
    second.end()
    await settle()
    expect(hasRoom).toBe(true)
  })

  it('drops the tasks that wait when it ends', async () => {
    const started: string[] = []
    const slots = new Slots(1)
    const first = task(started, 'a')
    slots.run(first.run)
    slots.run(task(started, 'b').run)
    const room = slots.room()
    slots.end()
    await room
    first.end()
    await settle()
    expect(started).toEqual(['a'])
  })
})
