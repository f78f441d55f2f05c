// Spec 11 §11.5.3, §11.2, 10 §10.6.3: how long things may be.
import { encode } from '@smpkit/encoding'
import { type QueueInfo, queueInfo } from '@smpkit/smp-commands/address'
import { RequestError } from './errors.js'

/** To what length the ratchet pads a message; with the longer headers of post-quantum keys both make the same total. */
const paddedLengths = {
  confirmation: { classic: 14832, pq: 11106 },
  message: { classic: 15840, pq: 13618 },
}

/** To what length a client message is padded: one that carries a key of its sender, and all others. */
export const clientMessageLengths = { withKey: 15904, withoutKey: 16000 } as const

/**
 * The padded length of what the ratchet encrypts. `pq`: whether the connection supports the post-quantum ratchet and has
 * the agent version for it.
 */
export function ratchetPaddedLength(kind: keyof typeof paddedLengths, pq: boolean): number {
  return paddedLengths[kind][pq ? 'pq' : 'classic']
}

/** Bytes for the length in front of what is padded. */
const lengthBytes = 2
/** Of an `A_MSG`: two tags, id, hash with its length. */
const messageHeader = 1 + 8 + 33 + 1

/** The longest body of a message of the application: 15795, or 13573 with `pq`. */
export function maxMessageBody(pq: boolean): number {
  return ratchetPaddedLength('message', pq) - lengthBytes - messageHeader
}

/** The longest info of a single delivery receipt: 15751, or 13529 with `pq`. */
export function maxReceiptInfo(pq: boolean): number {
  // Count, id, hash and the length of the info.
  return maxMessageBody(pq) - (1 + 8 + 33 + 2)
}

/** The longest connection info in a confirmation: 14829, or 11103 with `pq`, less the reply queues and their count. */
export function maxConnInfo(pq: boolean, replyQueues: readonly QueueInfo[] = []): number {
  const queues = replyQueues.reduce((sum, queue) => sum + encode(queueInfo, queue).length, 0)
  const list = replyQueues.length > 0 ? 1 + queues : 0
  return ratchetPaddedLength('confirmation', pq) - lengthBytes - 1 - list
}

/** The longest connection info of a request to a contact address, whose invitation link has `linkLength` bytes. */
export function maxInvitationInfo(linkLength: number): number {
  const header = 1 + 2 + 1 + 2
  return clientMessageLengths.withKey - lengthBytes - header - linkLength
}

/** For callers without types. @throws RequestError `INVALID` */
export function requireBytes(name: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) {
    throw new RequestError('INVALID', `expected ${name} as a Uint8Array, got ${typeof value}`)
  }
}

/** @throws RequestError `LARGE` */
export function requireFits(name: string, length: number, max: number): void {
  if (length > max) throw new RequestError('LARGE', `expected ${name} of at most ${max} bytes, got ${length}`)
}
