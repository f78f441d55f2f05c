// Spec 02 §9, in short: the encryption between sender and recipient, which the agent will do.
import { boxPadded, dh, dhKey, openBoxPadded, PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import { decode, encode, nonce, nonceLength, record, tail } from '@smpkit/encoding'

/** An ephemeral key, a nonce, and the box. */
const envelope = record({ key: dhKey, nonce, box: tail })
/** All messages have one length, whatever is said in them. */
const paddedLength = 15904
/** In bytes of UTF-8: two are for the length. */
export const maxTextLength = paddedLength - 2

export function sealText(to: PublicKey<'x25519'>, text: string): Uint8Array {
  const ephemeral = PrivateKey.generate('x25519')
  const nonce = randomBytes(nonceLength)
  const box = boxPadded(dh(ephemeral, to), nonce, new TextEncoder().encode(text), paddedLength)
  return encode(envelope, { key: ephemeral.publicKey, nonce, box })
}

export function openText(key: PrivateKey<'x25519'>, body: Uint8Array): string {
  const { key: ephemeral, nonce, box } = decode(envelope, body)
  return new TextDecoder().decode(openBoxPadded(dh(key, ephemeral), nonce, box))
}
