// Spec 10.1, 10.3.2: the keys that parameters and message headers have in common.
import { type PublicKey, publicKey } from '@smpkit/crypto'
import { type Codec, largeBytes, letters, optional, record, tagged } from '@smpkit/encoding'
import { kemCiphertextLength, kemPublicKeyLength } from './sntrup761.js'

/** An X448 key; every other one is a DecodeError `invalid`. */
export const x448Key: Codec<PublicKey<'x448'>> = {
  write: publicKey.write,
  read(r) {
    const at = r.position
    const key = publicKey.read(r)
    if (!key.is('x448')) throw r.invalid('expected an X448 key', at)
    return key
  },
}

/** Bytes of a fixed length that stands before them all the same. */
function largeOf(length: number, name: string): Codec<Uint8Array> {
  return {
    write: largeBytes.write,
    read(r) {
      const at = r.position
      const bytes = largeBytes.read(r)
      if (bytes.length !== length) throw r.invalid(`expected ${name} of ${length} bytes, got ${bytes.length}`, at)
      return bytes
    },
  }
}

const kemKey = largeOf(kemPublicKeyLength, 'a KEM key')
const kemCiphertext = largeOf(kemCiphertextLength, 'a KEM ciphertext')

const variants = {
  proposed: record({ key: kemKey }),
  accepted: record({ ciphertext: kemCiphertext, key: kemKey }),
}

/** A key to encapsulate to, 1158 bytes. */
export interface KemProposed {
  readonly type: 'proposed'
  readonly key: Uint8Array
}

/** The encapsulation to the receiver's key, 1039 bytes, and a key for the next one. */
export interface KemAccepted {
  readonly type: 'accepted'
  readonly ciphertext: Uint8Array
  readonly key: Uint8Array
}

export type KemParams = KemProposed | KemAccepted

export const kemParams: Codec<KemParams | null> = optional(
  tagged('type', letters({ P: 'proposed', A: 'accepted' }), variants),
)

/** Where a KEM secret cannot be shared yet. */
export const kemProposal: Codec<KemProposed | null> = optional(
  tagged('type', letters({ P: 'proposed' }), { proposed: variants.proposed }),
)
