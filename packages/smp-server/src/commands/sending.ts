// Spec 04 §4.4, §6.1: SEND, SKEY.
import type { AuthKey } from '@smpkit/crypto'
import { type BrokerMessage, maxMessageLength } from '@smpkit/smp-commands'
import { push } from '../deliveries.js'
import { expireMessages, putMessage } from '../messages.js'
import { isSecuredMessaging, type Queue } from '../queue.js'
import { auth, ok, type QueueCall, refuse } from './call.js'

export function send({ broker, client, queue, command, following }: QueueCall<'SEND'>): BrokerMessage {
  const { store, subscriptions, notifications, settings } = broker
  if (command.body.length > maxMessageLength) return refuse({ code: 'LARGE_MSG' })
  if (queue.status === 'off') return auth
  if (queue.status !== 'active') return refuse({ code: 'BLOCKED', ...queue.status })
  // The invitation has served its purpose.
  if (queue.link && isSecuredMessaging(queue)) store.setLink(queue, null)
  const now = settings.clock.now()
  if (settings.expireMessagesOnSend) expireMessages(queue, now, settings.messageTtl)
  const wasEmpty = queue.messages.length === 0
  const message = putMessage(queue, command, now, settings.quota)
  if (!message) return refuse({ code: 'QUOTA' })
  const subscriber = wasEmpty && push(subscriptions, queue)
  // To the sender itself it goes behind the answer.
  if (subscriber === client) following.pushed.push(queue.recipientId)
  else if (subscriber) subscriber.outgoing.addMessage(queue.recipientId)
  if (message.notification && queue.notifier) notifications.add(queue.notifier, message)
  return ok
}

/** `SKEY` or `LKEY`. */
interface SecureCall {
  readonly queue: Queue
  readonly command: { readonly senderKey: AuthKey }
}

/** `false`: the queue is not to be secured by a sender, or has been by another. */
export function secureAsSender({ queue, command }: SecureCall): boolean {
  if (queue.mode !== 'messaging') return false
  if (queue.senderKey && !queue.senderKey.equals(command.senderKey)) return false
  queue.senderKey = command.senderKey
  return true
}

export function senderSecure(call: QueueCall<'SKEY'>): BrokerMessage {
  return secureAsSender(call) ? ok : auth
}
