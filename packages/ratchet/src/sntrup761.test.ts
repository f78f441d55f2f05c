import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decapsulate } from './sntrup761.js'

interface Case {
  id: string
  in: { secretKey: string; ciphertext: string }
  out: { sharedSecret: string }
}

const file = new URL('../../../test-vectors/agent/kem-sntrup761.json', import.meta.url)
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(file, 'utf8'))
const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

describe('the recorded cases', () => {
  it.each(cases)('$id', ({ in: { secretKey, ciphertext }, out: { sharedSecret } }) => {
    expect(decapsulate(fromHex(secretKey), fromHex(ciphertext))).toEqual(fromHex(sharedSecret))
  })
})
