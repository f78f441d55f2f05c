// The recorded derivations of the ratchet.
import { readFileSync } from 'node:fs'
import { dh, PrivateKey, PublicKey } from '@smpkit/crypto'
import { expect, it } from 'vitest'
import { chainKdf, rootKdf } from './kdf.js'
import { fromHex, toHex } from './testing/hex.js'

interface Case {
  id: string
  op: string
  in: Record<string, string | null>
  out: Record<string, string>
}

const path = new URL('../../../test-vectors/agent/ratchet-kdf.json', import.meta.url)
const cases: Case[] = JSON.parse(readFileSync(path, 'utf8')).cases
const bytes = (hex: string | null | undefined) => fromHex(hex ?? '')
const hexOf = (keys: Record<string, Uint8Array>) =>
  Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, toHex(key)]))

it.each(cases.filter((c) => c.op === 'chainKdf'))('$id', (c) => {
  expect(hexOf(chainKdf(bytes(c.in.chainKey)))).toEqual(c.out)
})

it.each(cases.filter((c) => c.op === 'rootKdf'))('$id', (c) => {
  const [own, peer] = [PrivateKey.fromDer(bytes(c.in.dhKey)), PublicKey.fromDer(bytes(c.in.peerDhKey))]
  if (!own.is('x448') || !peer.is('x448')) throw new Error('expected X448 keys')
  const secret = dh(own, peer)
  expect(toHex(secret)).toBe(c.in.dhSecret)
  const kem = c.in.kemSharedSecret ? bytes(c.in.kemSharedSecret) : null
  expect(hexOf(rootKdf(bytes(c.in.rootKey), secret, kem))).toEqual(c.out)
})
