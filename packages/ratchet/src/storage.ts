// Spec 10.5: the states and keys of this package as bytes, in formats of our own that a version stands before.
import { PrivateKey, PublicKey } from '@smpkit/crypto'
import {
  bool,
  type Codec,
  fixedBytes,
  int64,
  largeBytes,
  mapped,
  optional,
  record,
  word16,
  word32,
} from '@smpkit/encoding'
import type { RatchetKeys } from './keys.js'
import { type KemKeyPair, kemCiphertextLength, kemPublicKeyLength, kemSecretKeyLength } from './sntrup761.js'
import { smallLength } from './sntrup761-encoding.js'
import type { MessageKey, RatchetKem, RatchetState, ReceiveChain, SendChain, SkippedKey } from './state.js'
import { type E2eVersion, isE2eVersion } from './versions.js'

/** Copies: what is read here outlives the row that it came from. */
const copied = (codec: Codec<Uint8Array>) =>
  mapped<Uint8Array, Uint8Array>(
    codec,
    (bytes) => new Uint8Array(bytes),
    (bytes) => bytes,
  )
const bytes = (length: number) => copied(fixedBytes(length))
const key = bytes(32)
const iv = bytes(16)

const x448Length = 56
const privateKey: Codec<PrivateKey<'x448'>> = mapped(
  fixedBytes(x448Length),
  (raw) => PrivateKey.fromRaw('x448', raw),
  (value) => value.toRaw(),
)
const publicKey: Codec<PublicKey<'x448'>> = mapped(
  fixedBytes(x448Length),
  (raw) => PublicKey.fromRaw('x448', raw),
  (value) => value.toRaw(),
)

/** The secret key alone: the public one is in it (10.1.0), after two small polynomials. */
const kemKeys: Codec<KemKeyPair> = mapped(
  bytes(kemSecretKeyLength),
  (secretKey) => ({ publicKey: secretKey.slice(2 * smallLength, 2 * smallLength + kemPublicKeyLength), secretKey }),
  ({ secretKey }) => secretKey,
)

const version: Codec<E2eVersion> = {
  write: word16.write,
  read(r) {
    const at = r.position
    const number = word16.read(r)
    if (!isE2eVersion(number)) throw r.invalid(`expected an e2e version, got ${number}`, at)
    return number
  },
}

/** Rises by at most 1024 with a message: 2^53 is never reached. */
const order: Codec<number> = mapped(int64, Number, BigInt)

/** The first byte is the version of the format; another one was written by later code. */
function stored<T>(name: string, codec: Codec<T>): Codec<T> {
  const format = 1
  return {
    write(w, value) {
      w.byte(format)
      codec.write(w, value)
    },
    read(r) {
      const at = r.position
      const found = r.byte()
      if (found !== format) throw r.invalid(`expected a ${name} of storage format ${format}, got ${found}`, at)
      return codec.read(r)
    },
  }
}

/** 114 bytes, or 1877 with a KEM key. @throws DecodeError */
export const ratchetKeys: Codec<RatchetKeys> = stored(
  'key set',
  record<RatchetKeys>({ key1: privateKey, key2: privateKey, kem: optional(kemKeys) }),
)

/** At most 536 bytes without a KEM, 3339 with it. @throws DecodeError */
export const ratchetState: Codec<RatchetState> = stored(
  'ratchet state',
  record<RatchetState>({
    version,
    maxVersion: version,
    associatedData: bytes(2 * x448Length),
    dhKey: privateKey,
    dhPublicKey: publicKey,
    kem: optional(record<RatchetKem>({ keys: kemKeys, ciphertext: optional(bytes(kemCiphertextLength)) })),
    supportKem: bool,
    enableKem: bool,
    sendKem: bool,
    receiveKem: bool,
    rootKey: key,
    send: optional(record<SendChain>({ peerDhKey: publicKey, chainKey: key, headerKey: key })),
    receive: optional(record<ReceiveChain>({ chainKey: key, headerKey: key })),
    nextSendHeaderKey: key,
    nextReceiveHeaderKey: key,
    sendNumber: word32,
    receiveNumber: word32,
    previousCount: word32,
    nextOrder: order,
  }),
)

/** 93 bytes. @throws DecodeError */
export const skippedKey: Codec<SkippedKey> = stored(
  'skipped key',
  record<SkippedKey>({ order, headerKey: key, messageNumber: word32, messageKey: key, iv }),
)

/** 288 to 2511 bytes. @throws DecodeError */
export const messageKey: Codec<MessageKey> = stored(
  'message key',
  record<MessageKey>({
    version,
    messageKey: key,
    iv,
    associatedData: bytes(2 * x448Length),
    encHeader: copied(largeBytes),
  }),
)
