// Spec 04 §4.4, §6.2, 06 §5.5: SUB, GET, ACK, KEY, RKEY, OFF, DEL, QUE.
import { toMapKey } from '@smpkit/encoding'
import type { BrokerMessage, QueueInformation } from '@smpkit/smp-commands'
import { newSubscription, type Subscription } from '../client.js'
import { deliverNow, schedule } from '../deliveries.js'
import { takeMessage } from '../messages.js'
import { type Id, idBytes, type Message } from '../queue.js'
import { auth, limit, ok, prohibited, type QueueCall, refuse } from './call.js'

export function subscribe({ broker, client, queue, following }: QueueCall<'SUB'>): BrokerMessage {
  const known = client.subscriptions.get(queue.recipientId)
  if (known?.kind === 'get') return prohibited
  if (!known && broker.isFullySubscribed(client)) return limit('too many subscriptions')
  const service = broker.subscriptions.subscribeQueue(client, queue)
  const subscription = known ?? newSubscription('subscribed')
  const waits = schedule(subscription, queue)
  // Of a service's queues only those with a message have an entry.
  if (waits || !service) client.subscriptions.set(queue.recipientId, subscription)
  if (waits) following.messages.push(queue.recipientId)
  return { tag: 'SOK', serviceId: service && idBytes(service.serviceId) }
}

export function get({ broker, client, queue }: QueueCall<'GET'>): BrokerMessage {
  const known = client.subscriptions.get(queue.recipientId)
  if (known?.kind === 'subscribed') return prohibited
  if (!known && broker.isFullySubscribed(client)) return limit('too many subscriptions')
  const subscription = known ?? newSubscription('get')
  client.subscriptions.set(queue.recipientId, subscription)
  return deliverNow(subscription, queue) ?? ok
}

/** An empty id matches whatever was delivered, and takes nothing from the queue. */
export function acknowledge({ client, queue, command }: QueueCall<'ACK'>): BrokerMessage {
  const subscription = client.subscriptions.get(queue.recipientId)
  const id: Id = toMapKey(command.msgId)
  const delivered = subscription?.delivered ?? null
  if (!subscription || delivered === null || (id !== '' && id !== delivered)) return refuse({ code: 'NO_MSG' })
  takeMessage(queue, id)
  if (subscription.kind === 'subscribed') return deliverNow(subscription, queue) ?? ok
  subscription.delivered = null
  return ok
}

export function secure({ queue, command }: QueueCall<'KEY'>): BrokerMessage {
  if (queue.senderKey && !queue.senderKey.equals(command.senderKey)) return auth
  queue.senderKey = command.senderKey
  return ok
}

export function replaceKeys({ queue, command }: QueueCall<'RKEY'>): BrokerMessage {
  if (queue.mode !== 'contact') return auth
  queue.recipientKeys = command.keys
  return ok
}

export function turnOff({ queue }: QueueCall<'OFF'>): BrokerMessage {
  queue.status = 'off'
  return ok
}

export function deleteQueue({ broker, client, queue }: QueueCall<'DEL'>): BrokerMessage {
  broker.subscriptions.deleteQueue(client, queue)
  broker.store.delete(queue)
  return ok
}

export function inform({ client, queue }: QueueCall<'QUE'>): BrokerMessage {
  const subscription = client.subscriptions.get(queue.recipientId)
  const [first] = queue.messages
  const info: QueueInformation = {
    qiSnd: queue.senderKey !== null,
    qiNtf: queue.notifier !== null,
    qiSub: subscription && subscriptionInfo(subscription),
    qiSize: queue.messages.length,
    qiMsg: first && messageInfo(first),
  }
  return { tag: 'INFO', info }
}

const base64 = (id: Id): string => Buffer.from(idBytes(id)).toString('base64')

function subscriptionInfo({ kind, delivered, queued }: Subscription): QueueInformation['qiSub'] {
  return {
    qSubThread: kind === 'get' ? 'prohibitSub' : queued ? 'subPending' : 'noSub',
    qDelivered: delivered === null ? undefined : base64(delivered),
  }
}

function messageInfo({ id, ts, body }: Message): QueueInformation['qiMsg'] {
  return {
    msgId: base64(id),
    msgTs: `${new Date(ts * 1000).toISOString().slice(0, 19)}Z`,
    msgType: body ? 'message' : 'quota',
  }
}
