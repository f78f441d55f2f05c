// Spec 02 §3: the block encryption chain.

import { padInto, unpad } from '@smpkit/encoding'
import { platform } from '#platform'
import { openBoxPadded, openInPlace, sealInPlace, tagLength } from './box.js'
import { requireLength } from './errors.js'
import { hkdfSha512 } from './hash.js'

const noSalt = new Uint8Array(0)
const blockInfo = new TextEncoder().encode('SimpleXSbChain')

/** The chain keys that both ends begin with, 32 bytes each; `secret` is the session's DH secret. */
export function initialChainKeys(
  sessionId: Uint8Array,
  secret: Uint8Array,
): { serverToClient: Uint8Array; clientToServer: Uint8Array } {
  const keys = hkdfSha512(sessionId, secret, 'SimpleXSbChainInit', 64)
  return { serverToClient: keys.slice(0, 32), clientToServer: keys.slice(32) }
}

/** The key and nonce of the next block, and the chain key for the one after it; views into one array. */
export function nextBlockKey(chainKey: Uint8Array): { chainKey: Uint8Array; key: Uint8Array; nonce: Uint8Array } {
  const keys = hkdfSha512(noSalt, chainKey, blockInfo, 88)
  return { chainKey: keys.subarray(0, 32), key: keys.subarray(32, 64), nonce: keys.subarray(64) }
}

/** One direction of a session. Each call moves the chain on by one block, also when it throws. */
export class BlockChain {
  #chainKey: Uint8Array

  /** @throws CryptoError `LENGTH` */
  constructor(chainKey: Uint8Array) {
    requireLength(chainKey, 32, 'a chain key')
    this.#chainKey = new Uint8Array(chainKey)
  }

  /**
   * One block of `blockSize` bytes, a new array. Refuse what is too long before it comes here: the other end does not
   * know of a block that was not sent.
   * @throws EncodeError `LARGE` if the payload is longer than `blockSize` - 18 bytes
   */
  seal(payload: Uint8Array, blockSize: number): Uint8Array {
    const block = platform.allocate(blockSize)
    this.sealInto(block, payload)
    return block
  }

  /** As `seal`, into all bytes of an array of the caller's, which may be used again. */
  sealInto(block: Uint8Array, payload: Uint8Array): void {
    const { key, nonce } = this.#advance()
    padInto(block.subarray(tagLength), payload)
    sealInPlace(key, nonce, block)
  }

  /** The payload, a view into a new array. @throws CryptoError `DECRYPT`; DecodeError for bad padding */
  open(block: Uint8Array): Uint8Array {
    const { key, nonce } = this.#advance()
    return openBoxPadded(key, nonce, block)
  }

  /** As `open`, but decrypts `block` itself, which the payload then is a view of. */
  openInPlace(block: Uint8Array): Uint8Array {
    const { key, nonce } = this.#advance()
    return unpad(openInPlace(key, nonce, block))
  }

  #advance(): { key: Uint8Array; nonce: Uint8Array } {
    const { chainKey, key, nonce } = nextBlockKey(this.#chainKey)
    this.#chainKey = chainKey
    return { key, nonce }
  }
}

/** Both directions of a session: a client seals with `clientToServer` and opens with `serverToClient`. */
export function blockChains(
  sessionId: Uint8Array,
  secret: Uint8Array,
): { serverToClient: BlockChain; clientToServer: BlockChain } {
  const { serverToClient, clientToServer } = initialChainKeys(sessionId, secret)
  return { serverToClient: new BlockChain(serverToClient), clientToServer: new BlockChain(clientToServer) }
}
