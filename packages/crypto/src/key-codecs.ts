// Spec 01 §5: keys in binary fields, `str` of their DER.
import type { Codec } from '@smpkit/encoding'
import { KeyError } from './errors.js'
import { type AuthKey, isAuthKey, isPrivateAuthKey, type PrivateAuthKey, PrivateKey, PublicKey } from './keys.js'

/** Every fault of a key, its algorithm included, is a DecodeError `invalid` at the position of its field. */
function keyField<K extends PublicKey | PrivateKey, T extends K>(
  fromDer: (der: Uint8Array) => K,
  allowed: (key: K) => key is T,
  expected: string,
): Codec<T> {
  return {
    write: (w, key) => w.shortBytes(key.toDer()),
    read(r) {
      const at = r.position
      const der = r.shortBytes()
      try {
        const key = fromDer(der)
        if (allowed(key)) return key
      } catch (error) {
        if (!(error instanceof KeyError)) throw error
      }
      throw r.invalid(`expected ${expected}`, at)
    },
  }
}

const isX25519 = (key: PublicKey): key is PublicKey<'x25519'> => key.is('x25519')
const isAny = (_key: PublicKey): _key is PublicKey => true

/** Recipient, sender and notifier keys: Ed25519, Ed448 or X25519. */
export const authKey: Codec<AuthKey> = keyField(PublicKey.fromDer, isAuthKey, 'an Ed25519, Ed448 or X25519 key')

/** Every key for a secret at the level of SMP: X25519. */
export const dhKey: Codec<PublicKey<'x25519'>> = keyField(PublicKey.fromDer, isX25519, 'an X25519 key')

export const publicKey: Codec<PublicKey> = keyField(PublicKey.fromDer, isAny, 'a public key')

/** Only in the NTF protocol (20): the notifier's private key. */
export const privateAuthKey: Codec<PrivateAuthKey> = keyField(
  PrivateKey.fromDer,
  isPrivateAuthKey,
  'a private Ed25519, Ed448 or X25519 key',
)
