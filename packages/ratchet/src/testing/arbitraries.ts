import { PrivateKey, PublicKey } from '@smpkit/crypto'
import fc from 'fast-check'
import type { KemAccepted, KemProposed } from '../fields.js'
import { kemCiphertextLength, kemPublicKeyLength } from '../sntrup761.js'

export const plain = { noNullPrototype: true } as const

export const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

export const x448 = bytes(56).map((raw) => PublicKey.fromRaw('x448', raw))

export const privateX448 = bytes(56).map((raw) => PrivateKey.fromRaw('x448', raw))

export const word16 = fc.nat(0xffff)

export const word32 = fc.nat(0xffffffff)

export const kemProposed: fc.Arbitrary<KemProposed> = fc.record(
  { type: fc.constant('proposed'), key: bytes(kemPublicKeyLength) },
  plain,
)

export const kemAccepted: fc.Arbitrary<KemAccepted> = fc.record(
  { type: fc.constant('accepted'), ciphertext: bytes(kemCiphertextLength), key: bytes(kemPublicKeyLength) },
  plain,
)
