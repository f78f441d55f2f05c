import { describe, expect, it } from 'vitest'
import { Fifo } from './fifo.js'

describe('Fifo', () => {
  it('gives items in the order in which they came, however taking and adding alternate', () => {
    const fifo = new Fifo<number>()
    const taken: (number | undefined)[] = []
    let next = 0
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < round % 7; i++) fifo.push(next++)
      for (let i = 0; i < round % 5; i++) if (fifo.length > 0) taken.push(fifo.shift())
    }
    while (fifo.length > 0) taken.push(fifo.shift())
    expect(taken).toEqual(Array.from({ length: next }, (_, i) => i))
    expect(fifo.shift()).toBeUndefined()
  })

  it('forgets all at once', () => {
    const fifo = new Fifo<number>()
    for (let i = 0; i < 5; i++) fifo.push(i)
    fifo.shift()
    fifo.clear()
    expect(fifo.length).toBe(0)
    fifo.push(9)
    expect(fifo.shift()).toBe(9)
  })
})
