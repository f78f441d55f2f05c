// Spec 04 §4.4: commands about a queue, and what is checked before all of them.
import type { AuthorizedCommand, BrokerMessage, CommandTag } from '@smpkit/smp-commands'
import { queueOf } from '../verify.js'
import { auth, type Context, type QueueCall, type QueueHandler, refuse } from './call.js'
import { deleteLink, getLink, secureByLink, setLink } from './links.js'
import { deleteNotifier, setNotifier, subscribeNotifications } from './notifications.js'
import { acknowledge, deleteQueue, get, inform, replaceKeys, secure, subscribe, turnOff } from './recipient.js'
import { send, senderSecure } from './sending.js'

const handlers = {
  SUB: subscribe,
  GET: get,
  ACK: acknowledge,
  KEY: secure,
  RKEY: replaceKeys,
  OFF: turnOff,
  DEL: deleteQueue,
  QUE: inform,
  LSET: setLink,
  LDEL: deleteLink,
  LKEY: secureByLink,
  LGET: getLink,
  NKEY: setNotifier,
  NDEL: deleteNotifier,
  NSUB: subscribeNotifications,
  SKEY: senderSecure,
  SEND: send,
} satisfies { [T in CommandTag]?: QueueHandler<T> }

export type QueueTag = keyof typeof handlers

export const isAboutQueue = (tag: CommandTag): tag is QueueTag => tag in handlers

/** What a blocked queue does not stop. SEND looks at the length of the message first. */
const notStopped: ReadonlySet<CommandTag> = new Set<CommandTag>(['OFF', 'DEL', 'NSUB', 'SEND'])

/** Executes a command that is authorized. */
export function executeOnQueue(context: Context, received: AuthorizedCommand, tag: QueueTag): BrokerMessage {
  const queue = queueOf(context.broker.store, received)
  // Another connection may have deleted it since the authorization was checked.
  if (!queue) return auth
  if (typeof queue.status === 'object' && !notStopped.has(tag)) return refuse({ code: 'BLOCKED', ...queue.status })
  // The compiler does not see that handler and command have the same tag.
  const handler = handlers[tag] as QueueHandler<CommandTag>
  return handler({ ...context, queue, command: received.command } as QueueCall<CommandTag>)
}
