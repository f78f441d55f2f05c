import { toHex } from '@smpkit/encoding'
import { parseHost } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PayloadError } from './errors.js'
import { countFitting, decodeItems, encodeItem, encodeItems, type PushItem } from './items.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface RecordedItem {
  hosts: string[]
  port: string
  keyHash: string
  notifierId: string
  ntfTs: number
  nonce: string
  encMeta: string
}
interface Case {
  id: string
  op: string
  text: string
  value?: { items: RecordedItem[] }
  canonical?: string
}

const itemOf = (item: RecordedItem): PushItem => ({
  server: { hosts: item.hosts.map(parseHost), port: item.port, keyHash: bytesOf(item.keyHash) },
  notifierId: bytesOf(item.notifierId),
  ntfTs: item.ntfTs,
  nonce: bytesOf(item.nonce),
  encMeta: bytesOf(item.encMeta),
})
const recordOf = ({ server, ...item }: PushItem): RecordedItem => ({
  hosts: server.hosts.map((host) => host.text),
  port: server.port,
  keyHash: toHex(server.keyHash),
  notifierId: toHex(item.notifierId),
  ntfTs: item.ntfTs,
  nonce: toHex(item.nonce),
  encMeta: toHex(item.encMeta),
})

const arbitraryItem: fc.Arbitrary<PushItem> = fc.record({
  server: fc.record({
    hosts: fc.constantFrom(
      [parseHost('h.example')],
      [parseHost('h.example'), parseHost('::1')],
      [parseHost('1.2.3.4')],
    ),
    port: fc.constantFrom('', '443'),
    keyHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
  notifierId: fc.uint8Array({ minLength: 1, maxLength: 24 }),
  ntfTs: fc.maxSafeInteger(),
  nonce: fc.uint8Array({ minLength: 24, maxLength: 24 }),
  encMeta: fc.uint8Array({ minLength: 1, maxLength: 144 }),
})

const recorded = vectors<Case>('push-items')
const sixItems = decodeItems(recorded.find(([id]) => id === 'items-6')?.[1].text as string)
const withoutMeta = (item: PushItem): PushItem => ({ ...item, encMeta: new Uint8Array() })

test.each(recorded)('vector %s', (_, { op, text, value, canonical }) => {
  if (!value) {
    expect(() => decodeItems(text)).toThrow(PayloadError)
    return
  }
  const items = decodeItems(text)
  expect(items.map(recordOf)).toEqual(value.items)
  expect(encodeItems(op === 'roundtrip' ? value.items.map(itemOf) : items)).toBe(canonical ?? text)
})

test('reads what it wrote', () => {
  fc.assert(
    fc.property(fc.array(arbitraryItem, { minLength: 1, maxLength: 6 }), (items) => {
      expect(decodeItems(encodeItems(items)).map(recordOf)).toEqual(items.map(recordOf))
    }),
  )
})

test('a proper prefix of the text of items is no list, or one of fewer or shorter items', () => {
  fc.assert(
    fc.property(fc.array(arbitraryItem, { minLength: 1, maxLength: 2 }), (items) => {
      const text = encodeItems(items)
      for (let length = 0; length < text.length; length++) {
        const prefix = text.slice(0, length)
        let read: PushItem[]
        try {
          read = decodeItems(prefix)
        } catch (error) {
          expect(error).toBeInstanceOf(PayloadError)
          continue
        }
        // base64url without its padding is the same bytes.
        expect(encodeItems(read).replace(/=+$/, '')).toBe(prefix.replace(/=+$/, ''))
      }
    }),
    { numRuns: 20 },
  )
})

test('random and mutated texts give items or a PayloadError', () => {
  const valid = encodeItems(sixItems.slice(0, 2))
  const mutated = fc
    .tuple(fc.nat(valid.length - 1), fc.string({ maxLength: 3 }), fc.nat(3))
    .map(([at, put, cut]) => valid.slice(0, at) + put + valid.slice(at + cut))
  fc.assert(
    fc.property(fc.oneof(fc.string(), mutated), (text) => {
      try {
        expect(decodeItems(text).length).toBeGreaterThan(0)
      } catch (error) {
        if (!(error instanceof PayloadError)) throw error
      }
    }),
    { numRuns: 2000 },
  )
})

describe('items without metadata', () => {
  test('are not written', () => {
    const [first, second, third] = sixItems as [PushItem, PushItem, PushItem]
    expect(encodeItems([first, withoutMeta(second), third])).toBe(encodeItems([first, third]))
    expect(() => encodeItem(withoutMeta(first))).toThrow(PayloadError)
  })

  test('are skipped when reading, where that is asked for', () => {
    const text = recorded.find(([id]) => id === 'items-empty-meta-middle')?.[1].text as string
    expect(decodeItems(text, { skipEmptyMeta: true })).toHaveLength(2)
  })
})

test('a password in a server address is no item', () => {
  const text = encodeItem(sixItems[0] as PushItem).replace('@', ':secret@')
  expect(() => decodeItems(text)).toThrow('expected a server address without a password')
})

describe('fitting', () => {
  const texts = sixItems.map(encodeItem)

  test('six items fit the default length, a seventh waits', () => {
    expect(countFitting(texts)).toBe(6)
    expect(countFitting([...texts, texts[0] as string])).toBe(6)
  })

  test('counts exactly the bytes of items and separators', () => {
    const three = texts.slice(0, 3).join(';').length
    expect(countFitting(texts, three + 2)).toBe(3)
    expect(countFitting(texts, three + 1)).toBe(2)
    expect(countFitting([])).toBe(0)
  })

  test('an item that never fits is an error, not an endless wait', () => {
    expect(() => countFitting(texts, 100)).toThrow(expect.objectContaining({ code: 'LARGE' }))
  })
})
