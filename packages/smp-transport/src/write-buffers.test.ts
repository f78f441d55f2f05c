import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WriteBuffers } from './write-buffers.js'

describe('write buffers', () => {
  it('a buffer is never given again before it was written', () => {
    const steps = fc.array(fc.nat(3), { maxLength: 100 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (writes, kept) => {
        const buffers = new WriteBuffers(8, kept)
        const given: Buffer[] = []
        let written = 0
        for (const step of writes) {
          const buffer = buffers.next(written)
          expect(buffer).toHaveLength(8)
          expect(given.slice(written)).not.toContain(buffer)
          given.push(buffer)
          written = Math.min(given.length, written + step)
        }
      }),
    )
  })

  it('one that waits for each block needs a single buffer', () => {
    const buffers = new WriteBuffers(8, 4)
    const first = buffers.next(0)
    expect(buffers.next(1)).toBe(first)
    expect(buffers.next(2)).toBe(first)
  })

  it('release forgets all', () => {
    const buffers = new WriteBuffers(8, 4)
    const first = buffers.next(0)
    buffers.release()
    const second = buffers.next(1)
    expect(second).not.toBe(first)
    expect(buffers.next(2)).toBe(second)
  })

  it('after a burst only those to keep are kept', () => {
    const buffers = new WriteBuffers(8, 2)
    const burst = new Set(Array.from({ length: 10 }, () => buffers.next(0)))
    expect(burst.size).toBe(10)
    const later = new Set(Array.from({ length: 10 }, (_, i) => buffers.next(10 + i)))
    expect(later.size).toBeLessThanOrEqual(3)
  })
})
