// Spec 04 §4.4, §7: NKEY, NDEL, NSUB.
import { type BrokerMessage, cmd } from '@smpkit/smp-commands'
import { idBytes } from '../queue.js'
import { auth, limit, ok, type QueueCall, refuse } from './call.js'
import { newNotifier, serverKey } from './new-queue.js'

export function setNotifier(call: QueueCall<'NKEY'>): BrokerMessage {
  const { broker, queue, command } = call
  const key = serverKey(command.dhKey)
  if (!key) return refuse(cmd('SYNTAX'))
  deleteNotifier(call)
  const notifier = newNotifier(command.authKey, key.secret)
  broker.store.setNotifier(queue, notifier)
  return { tag: 'NID', notifierId: idBytes(notifier.notifierId), serverDhKey: key.publicKey }
}

export function deleteNotifier({ broker, client, queue }: Omit<QueueCall<'NDEL'>, 'command'>): BrokerMessage {
  if (queue.notifier) broker.subscriptions.deleteNotifier(client, queue, queue.notifier)
  broker.store.setNotifier(queue, null)
  return ok
}

export function subscribeNotifications({ broker, client, queue }: QueueCall<'NSUB'>): BrokerMessage {
  const { notifier } = queue
  if (!notifier) return auth
  if (!client.service && !client.notifiers.has(notifier.notifierId) && broker.isFullySubscribed(client)) {
    return limit('too many subscriptions')
  }
  const hadService = broker.subscriptions.hasService(client)
  const service = broker.subscriptions.subscribeNotifier(client, queue, notifier)
  // The first one brings everything that waits for the service.
  if (client.service && !hadService) broker.notifications.wakeService(client.service.service)
  else broker.notifications.wake(notifier)
  return { tag: 'SOK', serviceId: service && idBytes(service.serviceId) }
}
