import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError } from './errors.js'
import { Reader } from './reader.js'

const of = (...bytes: number[]) => new Reader(Uint8Array.from(bytes))

test('never returns fewer bytes than were announced, and says where', () => {
  expect(() => of(1, 2).word32()).toThrow(DecodeError)
  expect(() => of(3, 1, 2).shortBytes()).toThrow(expect.objectContaining({ code: 'truncated', position: 1 }))
  expect(() => of(0, 3, 1, 2).largeBytes()).toThrow(expect.objectContaining({ code: 'truncated', position: 2 }))
})

test('a read that fails takes nothing of the value', () => {
  const reader = of(9, 9, 9)
  expect(() => reader.take(4)).toThrow(DecodeError)
  expect(reader.position).toBe(0)
  expect(reader.take(3)).toEqual(Uint8Array.of(9, 9, 9))
})

test('returns views, not copies, of a part of a larger buffer', () => {
  const bytes = Uint8Array.of(0, 0, 2, 7, 8, 0)
  const reader = new Reader(bytes.subarray(2, 5))
  const read = reader.shortBytes()
  expect(read.buffer).toBe(bytes.buffer)
  expect([...read]).toEqual([7, 8])
  expect(reader.remaining).toBe(0)
  expect(() => reader.byte()).toThrow(DecodeError)
})

test('end refuses what is left over', () => {
  const reader = of(1, 2)
  reader.byte()
  expect(() => reader.end()).toThrow(expect.objectContaining({ code: 'trailing', position: 1 }))
  reader.byte()
  reader.end()
})

test('word takes the word or nothing', () => {
  const reader = new Reader(new TextEncoder().encode('QUOTA '))
  expect(reader.word('QUOTE')).toBe(false)
  expect(reader.word('QUOTA and more')).toBe(false)
  expect(reader.position).toBe(0)
  expect(reader.word('QUOTA')).toBe(true)
  reader.expect(32, 'a space')
  reader.end()
  expect(() => of(33).expect(32, 'a space')).toThrow('expected a space (at 0)')
})

test('peek takes nothing', () => {
  const reader = of(5)
  expect(reader.peek()).toBe(5)
  expect(reader.byte()).toBe(5)
  expect(reader.peek()).toBeUndefined()
})

test('UTF-8 is strict, a byte order mark is a character', () => {
  const reader = of(0xef, 0xbb, 0xbf)
  expect(reader.utf8(reader.tail())).toBe('\ufeff')
  for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    const r = of(...bad)
    expect(() => r.utf8(r.tail())).toThrow(expect.objectContaining({ code: 'invalid', position: 0 }))
  }
})

test('int64 is two’s complement', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setBigInt64(0, value)
      expect(new Reader(bytes).int64()).toBe(value)
    }),
  )
})

test('no error shows the bytes', () => {
  const secret = [0x73, 0x65, 0x63, 0x72]
  for (const read of [(r: Reader) => r.take(9), (r: Reader) => r.expect(0, 'a zero'), (r: Reader) => r.end()]) {
    try {
      read(of(...secret))
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toMatch(/secr|73|115/)
    }
  }
})
