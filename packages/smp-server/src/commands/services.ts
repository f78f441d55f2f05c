// Spec 04 §7.4, 06 §5.1, §5.3: SUBS, NSUBS.
import type { BrokerMessage } from '@smpkit/smp-commands'
import { type Client, newSubscription } from '../client.js'
import { schedule } from '../deliveries.js'
import type { Service } from '../queue.js'
import { type Call, type Following, internal } from './call.js'

/** The first time in a connection, all waiting messages of the service's queues follow, and ALLS. */
export function subscribeMessages({ broker, client, following }: Call<'SUBS'>): BrokerMessage {
  const own = client.service
  // A session without a service is refused before.
  if (!own) return internal
  if (!own.subscribed) {
    broker.subscriptions.subscribeService(client)
    deliverAll(client, own.service, following)
  }
  return { tag: 'SOKS', ...own.queues }
}

export function subscribeAllNotifications({ broker, client }: Call<'NSUBS'>): BrokerMessage {
  const own = client.service
  if (!own) return internal
  if (!own.subscribed) {
    broker.subscriptions.subscribeService(client)
    broker.notifications.wakeService(own.service)
  }
  return { tag: 'SOKS', ...own.queues }
}

function deliverAll(client: Client, { queues }: Service, following: Following): void {
  for (const queue of queues) {
    // What has an entry has got its message already, or is read with GET.
    if (queue.messages.length === 0 || client.subscriptions.has(queue.recipientId)) continue
    const subscription = newSubscription('subscribed')
    schedule(subscription, queue)
    client.subscriptions.set(queue.recipientId, subscription)
    following.pushed.push(queue.recipientId)
  }
  following.events.push(client.event(null, { tag: 'ALLS' }))
}
