// Spec 03 §3: `certChainPubKey`, a session key with the certificates that vouch for it.
import { type Codec, largeBytes, list, record, type Value } from '@smpkit/encoding'

/** A certificate or a signed key, looked at no further than that it is one DER sequence. */
const derSequence: Codec<Uint8Array> = {
  write: largeBytes.write,
  read(r) {
    const at = r.position
    const der = r.largeBytes()
    if (!isDerSequence(der)) throw r.invalid('expected a DER sequence', at)
    return der
  },
}

/** Tag and length bytes that cover the rest: short form, or long form with 1 or 2 length bytes. */
function isDerSequence(der: Uint8Array): boolean {
  const [tag, first = 0, second = 0, third = 0] = der
  const long = first >= 0x81 && first <= 0x82 ? first - 0x80 : 0
  const length = long === 0 ? first : long === 1 ? second : second * 256 + third
  return tag === 0x30 && der.length === 2 + long + length
}

/** Certificates in DER, leaf first, and the session key signed by the leaf's key (02 §8). No signature is checked here. */
export const certChainFields = { certChain: list(derSequence, 1), signedKey: derSequence }
export const certChainPubKey = record(certChainFields)
export type CertChainPubKey = Value<typeof certChainPubKey>
