// RFC 8410: the AlgorithmIdentifier of Ed25519 and Ed448 signatures in certificates and signed keys.
import { equalBytes } from '@smpkit/encoding'
import { algorithms, type SigningAlgorithm } from './algorithms.js'
import { derObjectId, derSequence } from './der.js'

const identifiers = {
  ed25519: derSequence(derObjectId(0x2b, 0x65, algorithms.ed25519.oid)),
  ed448: derSequence(derObjectId(0x2b, 0x65, algorithms.ed448.oid)),
}

/** A SEQUENCE of the identifier alone: parameters are absent. */
export function algorithmIdentifier(algorithm: SigningAlgorithm): Uint8Array {
  return identifiers[algorithm]
}

/** `undefined` for every other algorithm. */
export function signatureAlgorithmOf(identifier: Uint8Array): SigningAlgorithm | undefined {
  if (equalBytes(identifier, identifiers.ed25519)) return 'ed25519'
  return equalBytes(identifier, identifiers.ed448) ? 'ed448' : undefined
}
