// Spec 01 §5: the four key algorithms, their sizes and the constant parts of their DER.

export type SigningAlgorithm = 'ed25519' | 'ed448'
export type DhAlgorithm = 'x25519' | 'x448'
export type KeyAlgorithm = SigningAlgorithm | DhAlgorithm

export interface AlgorithmFacts {
  /** Bytes of a raw key, public and private alike. */
  readonly keyLength: number
  /** Bytes of a signature; 0 for key agreement. */
  readonly signatureLength: number
  /** The last byte of the object identifier 1.3.101.x. */
  readonly oid: number
  /** What stands before the raw key in SubjectPublicKeyInfo. */
  readonly spkiPrefix: Uint8Array
  /** What stands before the raw key in PKCS#8 version 0. */
  readonly pkcs8Prefix: Uint8Array
}

function facts(keyLength: number, signatureLength: number, oid: number): AlgorithmFacts {
  const identifier = [0x30, 5, 6, 3, 0x2b, 0x65, oid]
  return {
    keyLength,
    signatureLength,
    oid,
    spkiPrefix: Uint8Array.of(0x30, 10 + keyLength, ...identifier, 3, 1 + keyLength, 0),
    pkcs8Prefix: Uint8Array.of(0x30, 14 + keyLength, 2, 1, 0, ...identifier, 4, 2 + keyLength, 4, keyLength),
  }
}

export const algorithms: Readonly<Record<KeyAlgorithm, AlgorithmFacts>> = {
  x25519: facts(32, 0, 110),
  x448: facts(56, 0, 111),
  ed25519: facts(32, 64, 112),
  ed448: facts(57, 114, 113),
}

const names = Object.keys(algorithms) as KeyAlgorithm[]

/** The algorithm whose prefix `der` begins with and whose length it has. A constant prefix leaves no room for lax DER. */
export function algorithmOfDer(der: Uint8Array, prefix: 'spkiPrefix' | 'pkcs8Prefix'): KeyAlgorithm | undefined {
  return names.find((name) => {
    const start = algorithms[name][prefix]
    return der.length === start.length + algorithms[name].keyLength && start.every((byte, i) => der[i] === byte)
  })
}

export function isSigning(algorithm: KeyAlgorithm): algorithm is SigningAlgorithm {
  return algorithms[algorithm].signatureLength > 0
}
