// Spec 04 §4.2: NEW.
import { dh, KeyError, PrivateKey, type PublicKey, senderIdOf } from '@smpkit/crypto'
import { equalBytes, toMapKey } from '@smpkit/encoding'
import { type BrokerMessage, type CommandOf, cmd, type QueueReq } from '@smpkit/smp-commands'
import { newSubscription } from '../client.js'
import { newId } from '../messages.js'
import { copyOf, idBytes, type Link, type Notifier, type Queue } from '../queue.js'
import { auth, type Call, internal, limit, prohibited, refuse } from './call.js'

/** How often new ids are tried where one is in use. */
const attempts = 3

export function newQueue(call: Call<'NEW'>): BrokerMessage {
  const { broker, client, corrId, command } = call
  const { store, settings } = broker
  const subscribes = command.subMode === 'subscribe'
  const supplied = command.queueReq?.link ?? null
  if (!settings.allowNewQueues || !broker.isPassword(command.basicAuth)) return auth
  if (client.service && !subscribes) return prohibited
  if (supplied && !equalBytes(supplied.senderId, senderIdOf(corrId))) return prohibited
  if (store.queues.size >= settings.maxQueues) return limit('too many queues')
  if (subscribes && broker.isFullySubscribed(client)) return limit('too many subscriptions')
  const keys = serverKeys(command)
  if (!keys) return refuse(cmd('SYNTAX'))
  for (let attempt = 0; attempt < attempts; attempt++) {
    const queue = queueFor(command, keys)
    if (store.add(queue)) {
      if (subscribes) subscribe(call, queue)
      return ids(queue, keys)
    }
    if (supplied) return auth
  }
  return internal
}

interface Pair {
  readonly publicKey: PublicKey<'x25519'>
  readonly secret: Uint8Array
}

/** Our key for one of the recipient's, and their secret; `null` where the recipient's gives none. */
export function serverKey(clientKey: PublicKey<'x25519'>): Pair | null {
  const key = PrivateKey.generate('x25519')
  try {
    return { publicKey: key.publicKey, secret: dh(key, clientKey) }
  } catch (error) {
    if (error instanceof KeyError) return null
    throw error
  }
}

interface Keys {
  readonly queue: Pair
  readonly notifier: Pair | null
}

function serverKeys({ dhKey, ntfCreds }: CommandOf<'NEW'>): Keys | null {
  const queue = serverKey(dhKey)
  const notifier = ntfCreds && serverKey(ntfCreds.dhKey)
  return queue && (notifier || !ntfCreds) ? { queue, notifier } : null
}

function queueFor({ authKey, queueReq, ntfCreds }: CommandOf<'NEW'>, keys: Keys): Queue {
  return {
    recipientId: newId(),
    senderId: queueReq?.link ? toMapKey(queueReq.link.senderId) : newId(),
    recipientKeys: [authKey],
    secret: keys.queue.secret,
    senderKey: null,
    mode: queueReq?.mode ?? null,
    link: queueReq && linkOf(queueReq),
    notifier: ntfCreds && keys.notifier && newNotifier(ntfCreds.authKey, keys.notifier.secret),
    status: 'active',
    service: null,
    messages: [],
    writable: true,
  }
}

export function newNotifier(key: Notifier['key'], secret: Uint8Array): Notifier {
  return { notifierId: newId(), key, secret, service: null, notifications: [] }
}

/** The id of a contact link comes from the client, that of an invitation is ours. */
function linkOf(request: QueueReq): Link | null {
  if (!request.link) return null
  const { fixedData, userData } = request.link
  const linkId = request.mode === 'contact' ? toMapKey(request.link.linkId) : newId()
  return { linkId, fixedData: copyOf(fixedData), userData: copyOf(userData) }
}

function subscribe({ broker, client }: Call<'NEW'>, queue: Queue): void {
  broker.subscriptions.subscribeNew(client, queue)
  // Of a service's queues only those with a message have an entry.
  if (!client.service) {
    client.subscriptions.set(queue.recipientId, newSubscription('subscribed'))
  }
}

function ids({ recipientId, senderId, mode, link, service, notifier }: Queue, keys: Keys): BrokerMessage {
  return {
    tag: 'IDS',
    recipientId: idBytes(recipientId),
    senderId: idBytes(senderId),
    serverDhKey: keys.queue.publicKey,
    queueMode: mode,
    linkId: link && idBytes(link.linkId),
    serviceId: service && idBytes(service.serviceId),
    ntfCreds: notifier &&
      keys.notifier && { notifierId: idBytes(notifier.notifierId), serverDhKey: keys.notifier.publicKey },
  }
}
