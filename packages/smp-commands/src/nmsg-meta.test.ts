import { boxPadded, CryptoError, openBoxPadded } from '@smpkit/crypto'
import { DecodeError, EncodeError, toHex } from '@smpkit/encoding'
import { describe, expect, test } from 'vitest'
import { decryptNmsgMeta, encryptNmsgMeta } from './nmsg-meta.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface Case {
  id: string
  op: string
  error?: string
  in: { secretRaw: string; nonce: string; msgId: string; ts: number; encMeta: string }
  out: { encMeta: string; plain: string; msgId: string; ts: number }
}

const classes: Record<string, unknown> = { LARGE: EncodeError, DECRYPT: CryptoError, any: DecodeError }

describe('smp/crypto-nmsg-meta.json', () => {
  test.each(vectors<Case>('crypto-nmsg-meta'))('%s', (_, { op, error, in: input, out }) => {
    const [secret, nonce] = [bytesOf(input.secretRaw), bytesOf(input.nonce)]
    const run = () =>
      op === 'nmsg-meta'
        ? encryptNmsgMeta(secret, nonce, { msgId: bytesOf(input.msgId), ts: input.ts })
        : decryptNmsgMeta(secret, nonce, bytesOf(input.encMeta))
    if (error) {
      expect(run).toThrow(classes[error] as typeof EncodeError)
      if (error !== 'any') expect(run).toThrow(expect.objectContaining({ code: error }))
      return
    }
    const result = run()
    if (result instanceof Uint8Array) {
      expect(toHex(result)).toBe(out.encMeta)
      expect(toHex(openBoxPadded(secret, nonce, result))).toBe(out.plain)
    } else {
      expect({ ...result, msgId: toHex(result.msgId) }).toEqual(out)
    }
  })
})

test('metadata of every length reads back as 144 bytes, and cut short it does not', () => {
  const secret = new Uint8Array(32).fill(1)
  const nonce = new Uint8Array(24).fill(2)
  for (let length = 0; length <= 117; length++) {
    const meta = { msgId: new Uint8Array(length).fill(7), ts: 1700000000 }
    const encrypted = encryptNmsgMeta(secret, nonce, meta)
    expect(encrypted.length).toBe(144)
    expect(decryptNmsgMeta(secret, nonce, encrypted)).toEqual(meta)
  }
  for (let length = 0; length < 33; length++) {
    const cut = boxPadded(secret, nonce, Uint8Array.of(24, ...new Uint8Array(32)).subarray(0, length), 128)
    expect(() => decryptNmsgMeta(secret, nonce, cut)).toThrow(DecodeError)
  }
})
