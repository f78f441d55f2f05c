import { toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCells, placeOf } from './cells.js'

const key = new Uint8Array(32).fill(1)
const cells = createCells('agent', key)
const connId = new Uint8Array(12).fill(2)
const place = placeOf('receiveQueues', 'dhKey', [connId, 1])
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const corrupt = expect.objectContaining({ name: 'StoreError', code: 'CORRUPT', temporary: false })
const anyBytes = fc.uint8Array({ maxLength: 200 })

describe('cells of a store with a key', () => {
  it('open to what was sealed', () => {
    fc.assert(
      fc.property(anyBytes, (value) => {
        const cell = cells.seal(place, value)
        expect(cell).toHaveLength(8 + 12 + 16 + value.length)
        expect(cells.open(place, cell)).toStrictEqual(value)
      }),
    )
  })

  it('never look the same twice', () => {
    const sealed = Array.from({ length: 100 }, () => toHex(cells.seal(place, new Uint8Array(4))))
    expect(new Set(sealed).size).toBe(100)
  })

  it('keep their format: a cell of the first version opens', () => {
    const cell = '63a2d0acf4ce89bbb2e01ec3da805e3ce1b5ef33bc849011e397f541fc134b103c74e24047050a9e72ff4aef'
    expect(cells.open(place, fromHex(cell))).toStrictEqual(new TextEncoder().encode('a secret'))
    expect(cells.keyId).toBe('63a2d0acf4ce89bb')
    expect(toHex(cells.hash('receiveQueues', 'recipientId', connId))).toBe(
      '1103166b0151ea928322c4755d90ab007b43371c2f2c927233bcae9de0bc3c0b',
    )
  })

  it.each([
    ['another table', placeOf('sendQueues', 'dhKey', [connId, 1])],
    ['another column', placeOf('receiveQueues', 'bodySecret', [connId, 1])],
    ['another row', placeOf('receiveQueues', 'dhKey', [connId, 2])],
    ['the row of another connection', placeOf('receiveQueues', 'dhKey', [new Uint8Array(12), 1])],
  ])('do not open in %s', (_name, other) => {
    expect(() => cells.open(other, cells.seal(place, connId))).toThrow(corrupt)
  })

  it('do not open when they are cut, longer, or changed in any bit', () => {
    const cell = cells.seal(place, connId)
    for (let i = 0; i < cell.length; i++) {
      expect(() => cells.open(place, cell.subarray(0, i))).toThrow(corrupt)
      const changed = cell.slice()
      changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8))
      expect(() => cells.open(place, changed)).toThrow(corrupt)
    }
    expect(() => cells.open(place, Uint8Array.of(...cell, 0))).toThrow(corrupt)
  })

  it('do not open with another key, nor from what was not encrypted', () => {
    const other = createCells('agent', new Uint8Array(32).fill(3))
    expect(() => other.open(place, cells.seal(place, connId))).toThrow(corrupt)
    fc.assert(
      fc.property(anyBytes, (value) => {
        expect(() => cells.open(place, value)).toThrow(corrupt)
      }),
    )
  })

  it('have a place of their own for each key', () => {
    const parts = fc.tuple(fc.constantFrom('', 'a', 'ab', 'b'), fc.uint8Array({ maxLength: 3 }))
    fc.assert(
      fc.property(parts, parts, ([server, linkId], [otherServer, otherId]) => {
        const same = server === otherServer && toHex(linkId) === toHex(otherId)
        const places = [
          placeOf('shortLinks', 'linkKey', [server, linkId]),
          placeOf('shortLinks', 'linkKey', [otherServer, otherId]),
        ]
        expect(new Set(places.map(toHex)).size).toBe(same ? 1 : 2)
      }),
      { numRuns: 1000 },
    )
  })

  it('are looked up by a hash of table, column, key and value', () => {
    const of = (table: string, column: string, value: Uint8Array, from = cells) =>
      toHex(from.hash(table, column, value))
    const hashes = [
      of('receiveQueues', 'recipientId', connId),
      of('receiveQueues', 'notifierId', connId),
      of('sendQueues', 'recipientId', connId),
      of('receiveQueues', 'recipientId', connId.subarray(1)),
      of('receiveQueues', 'recipientId', connId, createCells('agent', new Uint8Array(32))),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(of('receiveQueues', 'recipientId', connId)).toBe(hashes[0])
  })

  it('do not tell the key by its id', () => {
    expect(toHex(key)).not.toContain(cells.keyId)
    expect(createCells('agent', new Uint8Array(32).fill(9)).keyId).not.toBe(cells.keyId)
  })

  it.each([0, 16, 31, 33, 64])('need a key of 32 bytes, not %i', (length) => {
    expect(() => createCells('agent', new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'KEY' }))
  })
})

it('cells of a store without a key are what they hold', () => {
  const plain = createCells('agent', null)
  expect(plain.keyId).toBe('')
  expect(plain.seal(place, connId)).toStrictEqual(connId)
  expect(plain.open(place, connId)).toStrictEqual(connId)
  expect(plain.hash('receiveQueues', 'recipientId', connId)).toStrictEqual(connId)
})
