import { PrivateKey } from '@smpkit/crypto'
import { expect, test } from 'vitest'
import { authorizeOwner, isSignedBy, type LinkOwner, signingKeys } from './link-owners.js'

const key = (byte: number) => PrivateKey.fromRaw('ed25519', new Uint8Array(32).fill(byte))
const id = (byte: number) => Uint8Array.of(byte)
const root = key(1)
const [a, b, c] = [key(2), key(3), key(4)]
const keysOf = (...owners: LinkOwner[]) => signingKeys(root.publicKey, owners).map((k) => k.toRaw())

const first = authorizeOwner(root, id(2), a.publicKey)

test('the root key, whom it made an owner, and whom an owner made one', () => {
  expect(keysOf()).toEqual([root.publicKey.toRaw()])
  const second = authorizeOwner(a, id(3), b.publicKey)
  expect(keysOf(first, second)).toEqual([root, a, b].map((k) => k.publicKey.toRaw()))
})

const refused = (message: string) =>
  expect.objectContaining({ code: 'A_LINK', message: expect.stringContaining(message) })

test.each([
  [
    'by a later owner',
    [authorizeOwner(b, id(2), a.publicKey), authorizeOwner(root, id(3), b.publicKey)],
    'earlier owner',
  ],
  ['by itself', [authorizeOwner(a, id(2), a.publicKey)], 'earlier owner'],
  ['with another id than was signed', [{ ...first, ownerId: id(9) }], 'earlier owner'],
  ['with another key than was signed', [{ ...first, ownerKey: c.publicKey }], 'earlier owner'],
  ['with a short signature', [{ ...first, signature: first.signature.subarray(1) }], 'earlier owner'],
  ['with the root key', [authorizeOwner(root, id(2), root.publicKey)], 'a key of its own'],
  ['with the key of another', [first, authorizeOwner(root, id(3), a.publicKey)], 'a key of its own'],
  ['with the id of another', [first, authorizeOwner(root, id(2), b.publicKey)], 'an id of its own'],
])('refuses an owner made %s', (_, owners, message) => {
  expect(() => keysOf(...owners)).toThrow(refused(message))
})

test('a list that asks for too many checks is given up', () => {
  // Each was made one by the last, who is tried after all before.
  const chain = Array.from({ length: 40 }, (_, i) => key(i + 10))
  const owners = chain.map((k, i) => authorizeOwner(chain[i - 1] ?? root, id(i), k.publicKey))
  expect(() => keysOf(...owners)).toThrow(refused('within 512 signatures'))
  expect(keysOf(...owners.slice(0, 30))).toHaveLength(31)
})

test('a signature of another length or over other data is none', () => {
  expect(isSignedBy(root.publicKey, id(1), new Uint8Array(114))).toBe(false)
  expect(isSignedBy(root.publicKey, id(1), new Uint8Array(0))).toBe(false)
  expect(isSignedBy(root.publicKey, id(1), first.signature)).toBe(false)
})
