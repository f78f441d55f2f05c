// Spec 30 §5: what both sides compare to see whether they agree on the subscriptions.
import { sha256 } from '@smpkit/crypto'
import { concat, fromBase64url, toBase64url } from '@smpkit/encoding'
import type { QueueRecord } from './state.js'

/** XOR of SHA-256(server key hash ‖ notifier id), 32 bytes as base64url; the order does not matter. */
export function subscriptionsHash(queues: Iterable<Pick<QueueRecord, 'keyHash' | 'notifierId'>>): string {
  const hash = new Uint8Array(32)
  for (const { keyHash, notifierId } of queues) {
    for (const [i, byte] of sha256(concat(fromBase64url(keyHash), fromBase64url(notifierId))).entries()) {
      hash[i] = (hash[i] ?? 0) ^ byte
    }
  }
  return toBase64url(hash)
}
