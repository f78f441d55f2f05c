import { DecodeError } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { declaredContentSize } from './zstd-frame.js'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

describe('the content size of a zstd frame', () => {
  test.each([
    ['one byte, single segment', '28b52ffd20263101007b22', 38],
    ['one byte, with a checksum', '28b52ffd24263101007b22', 38],
    ['zero', '28b52ffd2000010000', 0],
    ['two bytes, from 256 on', '28b52ffd6000ff550000', 65_536],
    ['two bytes, the smallest', '28b52ffd600000', 256],
    ['four bytes', '28b52ffda000000100', 65_536],
    ['four bytes, the largest', '28b52ffda0ffffffff', 4_294_967_295],
    ['eight bytes', '28b52ffde00100000001000000', 4_294_967_297],
    ['after a window descriptor', '28b52ffd40580100', 257],
    ['after a dictionary id of four bytes', '28b52ffd23aabbccdd07', 7],
    ['after both', '28b52ffd4258aabb0100', 257],
  ])('%s', (_, hex, size) => {
    expect(declaredContentSize(bytes(hex))).toBe(size)
  })

  test('is null where the frame does not declare it', () => {
    // What `zstd` writes for a stream.
    expect(declaredContentSize(bytes('28b52ffd04583101007b2276'))).toBeNull()
  })

  test('is not read from a skippable frame, another format, or past a reserved bit', () => {
    expect(() => declaredContentSize(bytes('502a4d180400000000000000'))).toThrow(DecodeError)
    expect(() => declaredContentSize(bytes('1f8b0800000000000003'))).toThrow(DecodeError)
    expect(() => declaredContentSize(bytes('28b52ffd28263101007b22'))).toThrow(DecodeError)
  })

  test('is never read from a header that is cut', () => {
    for (const hex of ['28b52ffd2026', '28b52ffde30102030405060708aabbccdd', '28b52ffd4258aabb0100']) {
      const header = bytes(hex)
      for (let length = 0; length < header.length - 1; length++) {
        expect(() => declaredContentSize(header.subarray(0, length))).toThrow(DecodeError)
      }
    }
  })

  test('is a number, null or a DecodeError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.boolean(), (tail, isZstd) => {
        const frame = isZstd ? Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, ...tail) : tail
        try {
          const size = declaredContentSize(frame)
          expect(size === null || size >= 0).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})
