import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EncodeError } from './errors.js'
import { Reader } from './reader.js'
import { Writer } from './writer.js'

describe('a writer that grows', () => {
  const steps: [string, (w: Writer) => void, string][] = [
    ['byte', (w) => w.byte(0xfe), 'fe'],
    ['word16', (w) => w.word16(0xfedc), 'fedc'],
    ['word32', (w) => w.word32(0xfedcba98), 'fedcba98'],
    ['int64', (w) => w.int64(-2n), 'fffffffffffffffe'],
    ['raw', (w) => w.raw(Uint8Array.of(1, 2, 3)), '010203'],
    ['shortBytes', (w) => w.shortBytes(Uint8Array.of(7, 8)), '020708'],
    ['largeBytes', (w) => w.largeBytes(Uint8Array.of(7, 8)), '00020708'],
    ['word', (w) => w.word('OK'), '4f4b'],
    ['utf8', (w) => w.utf8('é'), 'c3a9'],
  ]
  test.each(steps)('keeps what %s wrote, whatever its capacity was', (_, write, hex) => {
    for (let capacity = 0; capacity < 40; capacity++) {
      const writer = new Writer(capacity)
      write(writer)
      write(writer)
      write(writer)
      expect(Buffer.from(writer.bytes()).toString('hex')).toBe(hex + hex + hex)
    }
  })

  test('keeps any sequence of parts', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.nat(64), (parts, capacity) => {
        const writer = new Writer(capacity)
        for (const part of parts) writer.shortBytes(part)
        const reader = new Reader(writer.bytes())
        for (const part of parts) expect(reader.shortBytes()).toEqual(part)
        reader.end()
      }),
    )
  })
})

test('after reset it writes into the same buffer', () => {
  const writer = new Writer(8)
  writer.word32(1)
  const { buffer } = writer.view()
  writer.reset()
  expect(writer.length).toBe(0)
  writer.word('second')
  expect(writer.view().buffer).toBe(buffer)
  expect(writer.view()).toEqual(new TextEncoder().encode('second'))
})

test('reset to a length forgets only what follows', () => {
  const writer = new Writer()
  writer.word('keep')
  const { length } = writer
  writer.word('drop')
  writer.reset(length)
  writer.word('!')
  expect(new TextDecoder().decode(writer.view())).toBe('keep!')
  expect(new TextDecoder().decode(writer.view(4))).toBe('!')
})

test('bytes are a copy, a view is not', () => {
  const writer = new Writer()
  writer.word('ab')
  const copy = writer.bytes()
  const view = writer.view()
  writer.reset()
  writer.word('xy')
  expect(new TextDecoder().decode(copy)).toBe('ab')
  expect(new TextDecoder().decode(view)).toBe('xy')
})

test('a length is filled in afterwards', () => {
  const writer = new Writer()
  writer.word16(0)
  writer.word('body')
  writer.patchWord16(0, 0x0102)
  expect([...writer.view(0).subarray(0, 2)]).toEqual([1, 2])
})

test.each([
  ['byte above 255', (w: Writer) => w.byte(256), 'RANGE'],
  ['byte below 0', (w: Writer) => w.byte(-1), 'RANGE'],
  ['byte that is no integer', (w: Writer) => w.byte(1.5), 'RANGE'],
  ['byte that is no number', (w: Writer) => w.byte(Number.NaN), 'RANGE'],
  ['word16 above its range', (w: Writer) => w.word16(0x10000), 'RANGE'],
  ['word32 above its range', (w: Writer) => w.word32(2 ** 32), 'RANGE'],
  ['int64 above its range', (w: Writer) => w.int64(2n ** 63n), 'RANGE'],
  ['256 short bytes', (w: Writer) => w.shortBytes(new Uint8Array(256)), 'LARGE'],
  ['65536 large bytes', (w: Writer) => w.largeBytes(new Uint8Array(65536)), 'LARGE'],
] as const)('refuses a %s and writes nothing', (_, write, code) => {
  const writer = new Writer()
  expect(() => write(writer)).toThrow(EncodeError)
  expect(() => write(writer)).toThrow(expect.objectContaining({ code }))
  expect(writer.length).toBe(0)
})
