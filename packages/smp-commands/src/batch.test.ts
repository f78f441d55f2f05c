import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maxTransmissionLength, packBlock, packBlocks, parseBlock } from './batch.js'
import { ParseError } from './errors.js'

const items = (count: number, length: number) => Array.from({ length: count }, () => new Uint8Array(length))
const counts = (transmissions: Uint8Array[]) => packBlocks(transmissions).map((b) => ('count' in b ? b.count : b.error))

test('the first block is the partial one: 300 SUBs make blocks of 30, 135 and 135', () => {
  expect(counts(items(300, 119))).toEqual([30, 135, 135])
})

test('a block holds at most 255 transmissions, however short', () => {
  expect(counts(items(256, 30))).toEqual([1, 255])
})

test('a transmission that no block can hold is named and splits the batch', () => {
  const large = maxTransmissionLength() + 1
  const batch = [...items(2, 100), new Uint8Array(large), ...items(1, 100)]
  expect(packBlocks(batch).map((b) => ('count' in b ? [b.first, b.count] : [b.error, b.item]))).toEqual([
    [0, 2],
    ['LARGE_MSG', 2],
    [3, 1],
  ])
  expect(counts([new Uint8Array(large - 1)])).toEqual([1])
})

test('the notification protocol packs into its own block size', () => {
  expect(packBlocks(items(4, 121), 512).map((b) => 'count' in b && b.count)).toEqual([4])
  expect(packBlocks(items(5, 121), 512).map((b) => 'count' in b && b.count)).toEqual([1, 4])
})

test('every transmission arrives once, in order, and no block is over its budget', () => {
  const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(17000)), { maxLength: 400 })
  fc.assert(
    fc.property(sizes, (lengths) => {
      const batch = lengths.map((length, i) => new Uint8Array(length).fill(i % 251))
      const packed = packBlocks(batch)
      let next = 0
      for (const block of packed) {
        if ('error' in block) {
          expect(block.item).toBe(next++)
          expect(batch[block.item]?.length).toBeGreaterThan(maxTransmissionLength())
          continue
        }
        expect(block.first).toBe(next)
        expect(block.content.length).toBeLessThanOrEqual(16366)
        expect(parseBlock(block.content)).toEqual(batch.slice(next, next + block.count))
        next += block.count
      }
      expect(next).toBe(batch.length)
    }),
    { numRuns: 40 },
  )
})

test('lies about count or length reject the whole block', () => {
  const good = packBlock(items(3, 5))
  const lie = (at: number, value: number) => Uint8Array.from(good, (byte, i) => (i === at ? value : byte))
  for (const bad of [lie(0, 0), lie(0, 2), lie(0, 4), lie(2, 4), lie(2, 6), lie(1, 0xff), new Uint8Array(0)]) {
    expect(() => parseBlock(bad)).toThrow(ParseError)
  }
})

test('no proper prefix of a block is a block', () => {
  const block = packBlock(items(3, 5))
  for (let length = 0; length < block.length; length++)
    expect(() => parseBlock(block.subarray(0, length))).toThrow(ParseError)
})
