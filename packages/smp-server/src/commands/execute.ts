// Spec 04 §4: every command's handler.
import type { AuthorizedCommand, BrokerMessage, CommandTag } from '@smpkit/smp-commands'
import type { Broker } from '../broker.js'
import type { Client } from '../client.js'
import { type Call, type Following, type Handler, noResolver } from './call.js'
import { newQueue } from './new-queue.js'
import { executeOnQueue, isAboutQueue, type QueueTag } from './on-queue.js'
import { forward, startProxying } from './proxy.js'
import { relay } from './relay.js'
import { subscribeAllNotifications, subscribeMessages } from './services.js'

const handlers: { [T in Exclude<CommandTag, QueueTag>]: Handler<T> } = {
  NEW: newQueue,
  SUBS: subscribeMessages,
  NSUBS: subscribeAllNotifications,
  PRXY: startProxying,
  PFWD: forward,
  RFWD: relay,
  RSLV: () => noResolver,
  PING: () => ({ tag: 'PONG' }),
}

/** Executes a command that is authorized. `null`: it will be answered later. */
export function execute(
  broker: Broker,
  client: Client,
  received: AuthorizedCommand,
  following: Following,
): BrokerMessage | null {
  const { corrId, entityId, command } = received
  const context = { broker, client, corrId, entityId, following }
  if (isAboutQueue(command.tag)) return executeOnQueue(context, received, command.tag)
  // The compiler does not see that handler and command have the same tag.
  const handler = handlers[command.tag] as Handler<CommandTag>
  return handler({ ...context, command } as Call<CommandTag>)
}
