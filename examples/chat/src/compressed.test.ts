import { compress, init } from '@bokuweb/zstd-wasm'
import { concat } from '@smpkit/encoding'
import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { expandItems } from './compressed.js'
import { ChatError } from './errors.js'

beforeAll(() => init())

const utf8 = (text: string) => new TextEncoder().encode(text)
const plain = (bytes: Uint8Array) => concat(utf8('0'), Uint8Array.of(bytes.length), bytes)
const zstd = (frame: Uint8Array) => concat(utf8('1'), Uint8Array.of(frame.length >> 8, frame.length), frame)
const items = (...list: Uint8Array[]) => concat(Uint8Array.of(list.length), ...list)

/** What the zstd program writes for a chat message at level 3. */
const xOk = Uint8Array.from(
  Buffer.from(
    '28b52ffd24263101007b2276223a22312d38222c226576656e74223a22782e6f6b222c22706172616d73223a7b7d7df798a07c',
    'hex',
  ),
)

const refused = (message: string) => expect.objectContaining({ code: 'COMPRESSED', message })

describe('compressed items', () => {
  test('come as they are, and expanded, in their order', async () => {
    const long = utf8('abc'.repeat(1000))
    const bytes = items(plain(utf8('{}')), zstd(xOk), zstd(compress(long, 3)), plain(new Uint8Array(0)))
    expect(await expandItems(bytes)).toEqual([
      utf8('{}'),
      utf8('{"v":"1-8","event":"x.ok","params":{}}'),
      long,
      new Uint8Array(0),
    ])
  })

  test('expand to 65,536 bytes and not to more', async () => {
    const [whole, over] = await expandItems(
      items(zstd(compress(new Uint8Array(65_536), 3)), zstd(compress(new Uint8Array(65_537), 3))),
    )
    expect(whole).toHaveLength(65_536)
    expect(over).toEqual(refused('expected a frame of at most 65536 bytes, got 65537'))
  })

  test('expand to 1 MB together and not to more', async () => {
    const bomb = zstd(compress(new Uint8Array(65_536), 3))
    const expanded = await expandItems(items(...Array<Uint8Array>(255).fill(bomb)))
    expect(expanded.filter((item) => item instanceof Uint8Array)).toHaveLength(16)
    expect(expanded.filter((item) => item instanceof ChatError)).toHaveLength(239)
  })

  test('are refused when they do not declare their size', async () => {
    const stream = concat(xOk.subarray(0, 4), Uint8Array.of(0x04, 0x58), xOk.subarray(6))
    expect(await expandItems(items(zstd(stream)))).toEqual([refused('expected a frame that declares its size')])
  })

  test('are refused when they expand to more or to less than they declare', async () => {
    for (const size of [0, 37, 39]) {
      const liar = xOk.slice()
      liar[5] = size
      expect(await expandItems(items(zstd(liar)))).toEqual([refused('expected a zstd frame that can be expanded here')])
    }
  })

  test('are refused when a second frame follows, and when a checksum is wrong', async () => {
    const wrong = xOk.slice()
    wrong[wrong.length - 1] = 0
    for (const frame of [concat(xOk, xOk), wrong]) {
      expect(await expandItems(items(zstd(frame)))).toEqual([
        refused('expected a zstd frame that can be expanded here'),
      ])
    }
  })

  test('are refused when they are compressed bodies themselves', async () => {
    const inner = concat(utf8('X'), items(plain(utf8('{}'))))
    const reason = refused('expected no compressed body in a compressed one')
    expect(await expandItems(items(plain(inner), zstd(compress(inner, 3))))).toEqual([reason, reason])
  })

  test('one that is refused does not spoil the others', async () => {
    expect(await expandItems(items(zstd(utf8('no frame')), plain(utf8('{}'))))).toEqual([
      expect.any(ChatError),
      utf8('{}'),
    ])
  })

  test('are refused together when the list is cut, over-long, or of an unknown form', async () => {
    const bytes = items(plain(utf8('{}')), zstd(xOk))
    const reason = [refused('expected a count, and that many items')]
    for (let length = 0; length < bytes.length; length++) {
      expect(await expandItems(bytes.subarray(0, length))).toEqual(reason)
    }
    expect(await expandItems(concat(bytes, utf8('0')))).toEqual(reason)
    expect(await expandItems(items(utf8('2ab')))).toEqual(reason)
  })

  test('are bodies or ChatErrors for any frames, and a broken frame leaves the decoder in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(xOk.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (tail, at, flip) => {
          const flipped = xOk.slice()
          flipped[at] = (flipped[at] ?? 0) ^ flip
          const frames = [concat(xOk.subarray(0, 9), tail), flipped, concat(xOk.subarray(0, 4), tail), xOk]
          const expanded = await expandItems(items(...frames.map(zstd)))
          for (const item of expanded) expect(item instanceof Uint8Array || item instanceof ChatError).toBe(true)
          expect(expanded[3]).toBeInstanceOf(Uint8Array)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('are refused, but for plain ones, where the decoder cannot be loaded', async () => {
    vi.resetModules()
    vi.doMock('@bokuweb/zstd-wasm', () => {
      throw new Error('no WebAssembly')
    })
    try {
      const { expandItems: without } = await import('./compressed.js')
      const bytes = items(zstd(xOk), plain(utf8('{}')), zstd(xOk))
      const reason = refused('expected a zstd frame that can be expanded here')
      expect(await without(bytes)).toEqual([reason, utf8('{}'), reason])
    } finally {
      vi.doUnmock('@bokuweb/zstd-wasm')
    }
  })
})
