import { PublicKey } from '@smpkit/crypto'
import { DecodeError, decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type E2eParams, e2eParams, e2eParamsRange, e2eProposedParams } from './params.js'
import { kemAccepted, kemProposed, plain, word16, x448 } from './testing/arbitraries.js'
import { codecPromises } from './testing/codec-suite.js'

const keys = { key1: x448, key2: x448 }
const anyKem = fc.oneof(fc.constant(null), kemProposed, kemAccepted)
const orNone = fc.oneof(fc.constant(null), kemProposed)
const withKem = fc.integer({ min: 3, max: 0xffff })
const without = fc.record({ version: fc.integer({ min: 0, max: 2 }), ...keys, kem: fc.constant(null) }, plain)
const params = fc.oneof(without, fc.record({ version: withKem, ...keys, kem: anyKem }, plain))
const proposed = fc.oneof(without, fc.record({ version: withKem, ...keys, kem: orNone }, plain))

describe('e2eParams', () => {
  codecPromises(e2eParams, params)

  const key1 = PublicKey.fromRaw('x448', new Uint8Array(56).fill(1))
  const key2 = PublicKey.fromRaw('x448', new Uint8Array(56).fill(2))
  const p = { type: 'proposed', key: new Uint8Array(1158) } as const
  const a = { type: 'accepted', ciphertext: new Uint8Array(1039), key: new Uint8Array(1158) } as const

  it('has the lengths of 10.3.2', () => {
    const length = (version: number, kem: E2eParams['kem']) => encode(e2eParams, { version, key1, key2, kem }).length
    expect([length(2, null), length(3, null), length(3, p), length(3, a)]).toEqual([140, 141, 1302, 2343])
  })

  it('leaves the KEM out before version 3', () => {
    const bytes = encode(e2eParams, { version: 2, key1, key2, kem: p })
    expect(decode(e2eParams, bytes).kem).toBeNull()
    expect(bytes.length).toBe(140)
  })

  it.each([
    ['key', { ...p, key: new Uint8Array(1157) }],
    ['key', { ...p, key: new Uint8Array(1159) }],
    ['ciphertext', { ...a, ciphertext: new Uint8Array(1038) }],
    ['ciphertext', { ...a, ciphertext: new Uint8Array(0) }],
    ['key', { ...a, key: new Uint8Array(0) }],
  ])('refuses a KEM %s of another length', (name, kem) => {
    const bytes = encode(e2eParams, { version: 3, key1, key2, kem })
    expect(() => decode(e2eParams, bytes)).toThrow(new RegExp(`expected a KEM ${name} of \\d+ bytes, got`))
  })

  it('refuses keys of another curve', () => {
    const x25519 = PublicKey.fromRaw('x25519', new Uint8Array(32)).toDer()
    const good = encode(e2eParams, { version: 2, key1, key2, kem: null })
    const bytes = Uint8Array.of(...good.subarray(0, 71), x25519.length, ...x25519)
    expect(() => decode(e2eParams, bytes)).toThrow('expected an X448 key (at 71)')
  })

  it('accepts no ciphertext where none can be', () => {
    const bytes = encode(e2eParams, { version: 3, key1, key2, kem: a })
    expect(() => decode(e2eProposedParams, bytes)).toThrow(DecodeError)
    const range = Uint8Array.of(0, 2, ...bytes)
    expect(() => decode(e2eParamsRange, range)).toThrow(DecodeError)
  })
})

describe('e2eProposedParams', () => {
  codecPromises(e2eProposedParams, proposed)
})

describe('e2eParamsRange', () => {
  const versions = fc.tuple(word16, word16).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }))
  codecPromises(e2eParamsRange, fc.record({ versions, ...keys, kem: orNone }, plain))
})
