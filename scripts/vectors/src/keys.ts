// test-vectors/smp/README.md, keys: spec 01 §5, 02 §2.
import {
  authKey,
  dh,
  dhKey,
  type KeyAlgorithm,
  KeyError,
  PrivateKey,
  PublicKey,
  publicKey,
  sign,
  verify,
} from '@smpkit/crypto'
import { decode, encode, shortBytes } from '@smpkit/encoding'
import { binaryOperations, Fields, type Form, fromHex, type Json, operation, type Suite } from './case.js'
import { ofType } from './encoding.js'

/** A key of one of `algorithms` in the input `name`, which has its DER. @throws KeyError */
export function publicKeyIn<A extends KeyAlgorithm>(input: Fields, name: string, ...algorithms: A[]): PublicKey<A> {
  const key = PublicKey.fromDer(input.bytes(name))
  if (!key.is(...algorithms)) throw new KeyError(`expected a key of ${algorithms}, got ${key.algorithm}`)
  return key
}

/** @throws KeyError */
export function privateKeyIn<A extends KeyAlgorithm>(input: Fields, name: string, ...algorithms: A[]): PrivateKey<A> {
  const key = PrivateKey.fromDer(input.bytes(name))
  if (!key.is(...algorithms)) throw new KeyError(`expected a key of ${algorithms}, got ${key.algorithm}`)
  return key
}

export function secretOf(input: Fields, privateName: string, publicName: string): Uint8Array {
  const privateKey = PrivateKey.fromDer(input.bytes(privateName))
  return privateKey.is('x448')
    ? dh(privateKey, publicKeyIn(input, publicName, 'x448'))
    : dh(privateKeyIn(input, privateName, 'x25519'), publicKeyIn(input, publicName, 'x25519'))
}

const rawForm = (key: PublicKey | PrivateKey) => ({ algorithm: key.algorithm, keyRaw: key.toRaw() })

/** The field of the key inside its length byte, which the packages' codecs read. */
const field = (der: Uint8Array) => encode(shortBytes, der)

function fromRawForm(json: Json): [KeyAlgorithm, Uint8Array] {
  const fields = new Fields(json)
  return [fields.text('algorithm') as KeyAlgorithm, fields.bytes('keyRaw')]
}

const forms: Readonly<Record<string, Form>> = {
  publicKey: {
    encode: (json) => PublicKey.fromRaw(...fromRawForm(json)).toDer(),
    decode: (der) => rawForm(decode(publicKey, field(der))),
  },
  privateKey: {
    encode: (json) => PrivateKey.fromRaw(...fromRawForm(json)).toDer(),
    decode: (der) => rawForm(PrivateKey.fromDer(der)),
  },
  authKey: {
    encode: (json) => PublicKey.fromRaw(...fromRawForm(json)).toDer(),
    decode: (der) => rawForm(decode(authKey, field(der))),
  },
  // The README calls `bytes` the length-prefixed field; in the cases it is what is inside the prefix.
  x25519KeyField: {
    encode: (json) => fromHex(json as string),
    decode: (der) => decode(dhKey, field(der)),
  },
}

export const keysSuite: Suite = {
  ops: {
    ...binaryOperations(({ type }) => ofType(forms, type)),
    'public-of-private': operation((input) => ({
      publicKey: PrivateKey.fromDer(input.bytes('privateKey')).publicKey,
    })),
    dh: operation((input) => ({ secret: secretOf(input, 'privateKey', 'publicKey') })),
    sign: operation((input) => ({
      signature: sign(privateKeyIn(input, 'privateKey', 'ed25519', 'ed448'), input.bytes('message')),
    })),
    verify: operation((input) => ({
      valid: verify(
        publicKeyIn(input, 'publicKey', 'ed25519', 'ed448'),
        input.bytes('message'),
        input.bytes('signature'),
      ),
    })),
  },
}
