// Spec 04 §6.1: putting messages into a queue, taking them out, letting them expire.
import { randomBytes } from '@smpkit/crypto'
import { toMapKey } from '@smpkit/encoding'
import { copyOf, type Id, type Message, type Queue } from './queue.js'

export const newId = (): Id => toMapKey(randomBytes(24))

/** Seconds, as on the wire. */
export const toSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)

/** The stored message, or `null` when the queue is full: then a marker is stored once, until everything is taken. */
export function putMessage(
  queue: Queue,
  { body, notification }: { body: Uint8Array; notification: boolean },
  now: number,
  quota: number,
): Message | null {
  const { messages } = queue
  if (messages.length === 0) queue.writable = true
  if (!queue.writable) return null
  queue.writable = messages.length < quota
  const full = !queue.writable
  const message = {
    id: newId(),
    ts: toSeconds(now),
    body: full ? null : copyOf(body),
    notification: notification && !full,
  }
  messages.push(message)
  return full ? null : message
}

/** Removes the first message if it is the one of this id. */
export function takeMessage(queue: Queue, id: Id): void {
  if (queue.messages[0]?.id === id) queue.messages.shift()
}

/** Removes messages older than `ttl` milliseconds from the front, up to a quota marker. */
export function expireMessages(queue: Queue, now: number, ttl: number): void {
  const { messages } = queue
  const oldest = toSeconds(now) - toSeconds(ttl)
  const expired = messages.findIndex((message) => message.ts >= oldest || message.body === null)
  messages.splice(0, expired < 0 ? messages.length : expired)
}
