// One message through the double ratchet, with and without a ratchet step: ours against its primitives in OpenSSL.
import {
  createCipheriv,
  createDecipheriv,
  diffieHellman,
  generateKeyPairSync,
  type KeyPairKeyObjectResult,
} from 'node:crypto'
import { randomBytes } from '@smpkit/crypto'
import {
  createRatchetKeys,
  decrypt,
  encrypt,
  paramsOf,
  type RatchetState,
  startReceiving,
  startSending,
} from '@smpkit/ratchet'
import { type Bench, compare, row } from './harness.js'
import { nativeHkdf } from './native-hkdf.js'

/** What an agent pads messages to (11 §11.5.3). */
const paddedLength = 15840
const body = randomBytes(1000)
const version = 3

class Party {
  constructor(private state: RatchetState) {}

  encrypt(): Uint8Array {
    const { state, message } = encrypt(this.state, body, paddedLength)
    this.state = state
    return message
  }

  decrypt(message: Uint8Array): void {
    const result = decrypt(this.state, [], message)
    if ('error' in result) throw result.error
    this.state = result.state
  }
}

/** Both have decrypted a message: the next one of the first party needs no ratchet step. */
function connected(): [Party, Party] {
  const keys = createRatchetKeys({ kem: false })
  const { params, state } = startSending(paramsOf(keys, version), { pqSupport: false })
  const parties: [Party, Party] = [new Party(state), new Party(startReceiving(keys, params, { pqSupport: false }))]
  exchange(...parties)
  return parties
}

/** A message each way; each of them makes a ratchet step where it arrives. */
function exchange(first: Party, second: Party): void {
  second.decrypt(first.encrypt())
  first.decrypt(second.encrypt())
}

/** Encrypts the padded body, and decrypts it; the two derivations of keys that sender and recipient make. */
function nativeMessage(): () => void {
  const [key, iv, associatedData] = [randomBytes(32), randomBytes(16), randomBytes(112)]
  const [chainKey, padded] = [randomBytes(32), randomBytes(paddedLength)]
  const info = Buffer.from('SimpleXChainRatchet')
  const hkdf = () => nativeHkdf(chainKey, info)
  return () => {
    hkdf()
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(associatedData)
    const ciphertext = cipher.update(padded)
    cipher.final()
    hkdf()
    const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(associatedData).setAuthTag(cipher.getAuthTag())
    decipher.update(ciphertext)
    decipher.final()
  }
}

/** Of one ratchet step: a new key, and with it and with the key before one agreement each. */
function nativeStep(peer: KeyPairKeyObjectResult): void {
  const { privateKey } = generateKeyPairSync('x448')
  diffieHellman({ privateKey, publicKey: peer.publicKey })
  diffieHellman({ privateKey: peer.privateKey, publicKey: peer.publicKey })
}

export const ratchet: Bench = {
  name: 'ratchet',
  async run(progress) {
    const [sender, recipient] = connected()
    const ours = () => recipient.decrypt(sender.encrypt())
    const message = compare(ours, nativeMessage())
    progress('with steps')
    const parties = connected()
    const peer = generateKeyPairSync('x448')
    const steps = compare(
      () => exchange(...parties),
      () => {
        nativeStep(peer)
        nativeStep(peer)
      },
    )
    return [
      row('ratchet encrypt + decrypt, no DH step: two AES-256-GCM + two HKDF', 'messages/s', message, 0.4),
      row('ratchet with a DH step each way: X448, 2 x (key + 2 DH)', 'exchanges/s', steps, 0.5),
    ]
  },
}
