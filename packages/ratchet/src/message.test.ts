import { DecodeError, decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encryptedHeader, joinMessage, messageHeader, paddedHeaderLength, splitMessage } from './message.js'
import { bytes, kemAccepted, kemProposed, plain, word16, word32, x448 } from './testing/arbitraries.js'
import { codecPromises } from './testing/codec-suite.js'

const fields = { maxVersion: word16, dhKey: x448, pn: word32, ns: word32 }
const kem = fc.oneof(fc.constant(null), kemProposed, kemAccepted)

describe('the header of version 2', () => {
  codecPromises(messageHeader(2), fc.record({ ...fields, kem: fc.constant(null) }, plain))

  it('has 79 bytes, and no KEM whatever there is', () => {
    fc.assert(
      fc.property(fc.record({ ...fields, kem }, plain), (header) => {
        const encoded = encode(messageHeader(2), header)
        expect(encoded.length).toBe(79)
        expect(decode(messageHeader(2), encoded).kem).toBeNull()
      }),
      { numRuns: 10 },
    )
  })
})

describe('the header of version 3', () => {
  codecPromises(messageHeader(3), fc.record({ ...fields, kem }, plain))

  it('has 80, 1241 or 2282 bytes, which fit their padding', () => {
    for (const [arbitrary, length] of [
      [fc.constant(null), 80],
      [kemProposed, 1241],
      [kemAccepted, 2282],
    ] as const) {
      const [header] = fc.sample(fc.record({ ...fields, kem: arbitrary }, plain), 1)
      if (!header) throw new Error('expected a header')
      expect(encode(messageHeader(3), header).length).toBe(length)
      expect(length + 2).toBeLessThanOrEqual(paddedHeaderLength(3, header.kem !== null))
    }
  })
})

it('headers have room for the KEM from version 3 on, where it is supported', () => {
  expect([2, 3].map((version) => paddedHeaderLength(version, true))).toEqual([88, 2310])
  expect([2, 3].map((version) => paddedHeaderLength(version, false))).toEqual([88, 88])
})

describe('the encrypted header', () => {
  const parts = { iv: bytes(16), tag: bytes(16) }
  const second = fc.record({ version: fc.nat(2), ...parts, ciphertext: bytes(88) }, plain)
  const third = fc
    .integer({ min: 3, max: 0xffff })
    .chain((version) =>
      fc.record({ version: fc.constant(version), ...parts, ciphertext: fc.oneof(bytes(88), bytes(2310)) }, plain),
    )
  codecPromises(encryptedHeader, fc.oneof(second, third))
})

describe('a message', () => {
  it('is split where it was joined', () => {
    const header = fc.oneof(bytes(123), bytes(124), bytes(2346))
    fc.assert(
      fc.property(header, bytes(16), fc.uint8Array(), (encHeader, tag, ciphertext) => {
        const version = encHeader.length === 123 ? 2 : 3
        const message = joinMessage(version, encHeader, tag, ciphertext)
        expect(message.length).toBe((version === 2 ? 1 : 2) + encHeader.length + 16 + ciphertext.length)
        expect(splitMessage(message)).toEqual({ encHeader, tag, ciphertext })
      }),
    )
  })

  it('takes lengths from 32 in one byte, smaller first bytes as the begin of two', () => {
    const rest = new Uint8Array(31 * 256 + 255 + 16)
    expect(splitMessage(Uint8Array.of(32, ...rest)).encHeader.length).toBe(32)
    expect(splitMessage(Uint8Array.of(31, 255, ...rest)).encHeader.length).toBe(31 * 256 + 255)
    expect(() => splitMessage(new Uint8Array(0))).toThrow(DecodeError)
    expect(() => splitMessage(Uint8Array.of(31))).toThrow(DecodeError)
  })
})
