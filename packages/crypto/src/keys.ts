// Spec 01 §5: keys as opaque objects, with their raw and their DER forms.

import { concat } from '@smpkit/encoding'
import { platform } from '#platform'
import { algorithmOfDer, algorithms, type KeyAlgorithm, type SigningAlgorithm } from './algorithms.js'
import { KeyError } from './errors.js'
import { HandleRing } from './handles.js'
import type { Handle } from './platform.js'

const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/** The platform's form of a key, made on first use. For the functions of this package only. */
export let handleOf: (key: PublicKey | PrivateKey) => Handle

/** What public and private keys have in common. Printing one shows its kind and algorithm, never its bytes. */
abstract class Key<A extends KeyAlgorithm> {
  readonly #raw: Uint8Array
  #handle: Handle | undefined

  static {
    const ring = new HandleRing<Key<KeyAlgorithm>>((key) => {
      key.#handle = undefined
    })
    handleOf = (key: Key<KeyAlgorithm>) => {
      if (key.#handle === undefined) {
        const { publicHandle, privateHandle } = platform
        key.#handle = (key.kind === 'PublicKey' ? publicHandle : privateHandle)(key.algorithm, key.#raw)
        ring.add(key)
      }
      return key.#handle
    }
  }

  protected constructor(
    readonly algorithm: A,
    raw: Uint8Array,
  ) {
    const { keyLength } = algorithms[algorithm]
    if (raw.length !== keyLength) {
      throw new KeyError(`expected a raw ${algorithm} key of ${keyLength} bytes, got ${raw.length}`)
    }
    this.#raw = new Uint8Array(raw)
  }

  abstract get kind(): 'PublicKey' | 'PrivateKey'

  /** A copy of the 32 (X25519, Ed25519), 56 (X448) or 57 (Ed448) bytes. */
  toRaw(): Uint8Array {
    return new Uint8Array(this.#raw)
  }

  toString(): string {
    return `${this.kind}(${this.algorithm})`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect](): string {
    return this.toString()
  }
}

/** A public key. Whether its point is on the curve shows on use only, as in the reference. */
export class PublicKey<A extends KeyAlgorithm = KeyAlgorithm> extends Key<A> {
  /** Copies `raw`. @throws KeyError */
  static fromRaw<A extends KeyAlgorithm>(algorithm: A, raw: Uint8Array): PublicKey<A> {
    return new PublicKey(algorithm, raw)
  }

  /** SubjectPublicKeyInfo of one of the four algorithms in strict DER, with nothing after it. @throws KeyError */
  static fromDer(der: Uint8Array): PublicKey {
    const algorithm = algorithmOfDer(der, 'spkiPrefix')
    if (!algorithm) throw new KeyError('expected the DER of an Ed25519, Ed448, X25519 or X448 public key')
    return PublicKey.fromRaw(algorithm, der.subarray(algorithms[algorithm].spkiPrefix.length))
  }

  /** 44 (X25519, Ed25519), 68 (X448) or 69 (Ed448) bytes. */
  toDer(): Uint8Array {
    return concat(algorithms[this.algorithm].spkiPrefix, this.toRaw())
  }

  override get kind(): 'PublicKey' {
    return 'PublicKey'
  }

  equals(other: PublicKey): boolean {
    return this.algorithm === other.algorithm && platform.constantTimeEqual(this.toRaw(), other.toRaw())
  }

  is<B extends KeyAlgorithm>(...algorithms: readonly B[]): this is PublicKey<B> {
    return (algorithms as readonly KeyAlgorithm[]).includes(this.algorithm)
  }
}

/** A private key: the seed (Ed25519, Ed448) or the scalar (X25519, X448). */
export class PrivateKey<A extends KeyAlgorithm = KeyAlgorithm> extends Key<A> {
  #publicKey: PublicKey<A> | undefined

  static generate<A extends KeyAlgorithm>(algorithm: A): PrivateKey<A> {
    return PrivateKey.fromRaw(algorithm, platform.randomBytes(algorithms[algorithm].keyLength))
  }

  /** Copies `raw`. @throws KeyError */
  static fromRaw<A extends KeyAlgorithm>(algorithm: A, raw: Uint8Array): PrivateKey<A> {
    return new PrivateKey(algorithm, raw)
  }

  /** PKCS#8 version 0 without attributes in strict DER, with nothing after it. @throws KeyError */
  static fromDer(der: Uint8Array): PrivateKey {
    const algorithm = algorithmOfDer(der, 'pkcs8Prefix')
    if (!algorithm) throw new KeyError('expected the DER of an Ed25519, Ed448, X25519 or X448 private key')
    return PrivateKey.fromRaw(algorithm, der.subarray(algorithms[algorithm].pkcs8Prefix.length))
  }

  override get kind(): 'PrivateKey' {
    return 'PrivateKey'
  }

  /** Computed on first use. */
  get publicKey(): PublicKey<A> {
    this.#publicKey ??= PublicKey.fromRaw(this.algorithm, platform.publicRaw(this.algorithm, handleOf(this)))
    return this.#publicKey
  }

  /** 48 (X25519, Ed25519), 72 (X448) or 73 (Ed448) bytes. */
  toDer(): Uint8Array {
    return concat(algorithms[this.algorithm].pkcs8Prefix, this.toRaw())
  }

  is<B extends KeyAlgorithm>(...algorithms: readonly B[]): this is PrivateKey<B> {
    return (algorithms as readonly KeyAlgorithm[]).includes(this.algorithm)
  }
}

/** What may authorize commands: a signature (04 §2) or, for X25519, an authenticator. */
export type AuthKey = PublicKey<SigningAlgorithm | 'x25519'>
export type PrivateAuthKey = PrivateKey<SigningAlgorithm | 'x25519'>

export function isAuthKey(key: PublicKey): key is AuthKey {
  return key.is('ed25519', 'ed448', 'x25519')
}

export function isPrivateAuthKey(key: PrivateKey): key is PrivateAuthKey {
  return key.is('ed25519', 'ed448', 'x25519')
}
