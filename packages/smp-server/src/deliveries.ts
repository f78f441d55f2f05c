// Spec 04 §6.2: messages on their way to the recipient, one at a time for each queue.
import { encryptMsgBody, type MessageOf } from '@smpkit/smp-commands'
import { type Client, newSubscription, type Subscription } from './client.js'
import { type Id, idBytes, type Message, type Queue } from './queue.js'
import type { Store } from './store.js'
import type { Subscriptions } from './subscriptions.js'

export function msg(queue: Queue, { id, ts, body, notification }: Message): MessageOf<'MSG'> {
  const msgId = idBytes(id)
  const plain = body ? ({ quota: false, ts, notification, body } as const) : ({ quota: true, ts } as const)
  return { tag: 'MSG', msgId, encBody: encryptMsgBody(queue.secret, msgId, plain) }
}

/** Marks the first message as delivered, to be sent when its turn comes. `false`: the queue is empty. */
export function schedule(subscription: Subscription, queue: Queue): boolean {
  subscription.delivered = queue.messages[0]?.id ?? null
  subscription.queued = subscription.delivered !== null
  return subscription.queued
}

/** The first message as answer to a command, marked as delivered; `null`: the queue is empty. */
export function deliverNow(subscription: Subscription, queue: Queue): MessageOf<'MSG'> | null {
  const [first] = queue.messages
  subscription.delivered = first?.id ?? null
  subscription.queued = false
  return first ? msg(queue, first) : null
}

/** The event that was scheduled, if the subscription and the message are still there. */
export function scheduledMessage(store: Store, client: Client, recipientId: Id): Uint8Array | null {
  const subscription = client.subscriptions.get(recipientId)
  if (!subscription?.queued) return null
  const queue = store.queues.get(recipientId)
  const message = queue && deliverNow(subscription, queue)
  return message ? client.event(recipientId, message) : null
}

/** Marks the only message of a queue as delivered to the subscriber that it gives back; none if another one waits to be acknowledged. */
export function push(subscriptions: Subscriptions, queue: Queue): Client | undefined {
  const client = subscriptions.ofQueue(queue)
  if (!client) return undefined
  const known = client.subscriptions.get(queue.recipientId)
  if (known && (known.kind === 'get' || known.delivered !== null)) return undefined
  // Of a service's queues only those with a message have an entry.
  const subscription = known ?? newSubscription('subscribed')
  client.subscriptions.set(queue.recipientId, subscription)
  return schedule(subscription, queue) ? client : undefined
}
