// Spec 20 §3: the two messages of the handshake. Each is the content of a block.
import { isSignedKey } from '@smpkit/crypto/internal'
import {
  type Codec,
  largeBytes,
  type Reader,
  record,
  shortBytes,
  type Value,
  versionRange,
  word16,
} from '@smpkit/encoding'
import { since } from './versions.js'

const serverHelloStart = record({ versionRange, sessionId: shortBytes })

/** The server's message. */
export type NtfServerHello = Value<typeof serverHelloStart> & {
  /** DER of the server's X25519 key for this session, signed by its TLS leaf key (02 §8); none up to version 1. */
  signedKey: Uint8Array | null
}

export const ntfServerHello: Codec<NtfServerHello> = {
  write(w, v) {
    serverHelloStart.write(w, v)
    if (v.signedKey && v.versionRange.max >= since.batching) largeBytes.write(w, v.signedKey)
  },
  read(r) {
    const start = serverHelloStart.read(r)
    return { ...start, signedKey: start.versionRange.max < since.batching ? null : readSignedKey(r) }
  },
}

/** No signature is checked here. */
function readSignedKey(r: Reader): Uint8Array {
  const at = r.position
  const der = r.largeBytes()
  if (!isSignedKey(der)) throw r.invalid('expected a signed key', at)
  return der
}

/** The client's message: the one version that it chose, and the fingerprint of the server that it means. */
export const ntfClientHello = record({ version: word16, keyHash: shortBytes })
export type NtfClientHello = Value<typeof ntfClientHello>
