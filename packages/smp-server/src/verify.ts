// Spec 04 §3: whose key must have authorized a command.
import type { AuthKey } from '@smpkit/crypto'
import { toMapKey } from '@smpkit/encoding'
import {
  type AuthorizedCommand,
  type Command,
  checkAuthorization,
  checkService,
  definitionOf,
  type ErrorType,
  type ServerSession,
} from '@smpkit/smp-commands'
import type { Queue } from './queue.js'
import type { Store } from './store.js'

/** How many keys may still be tried. */
export interface ChecksLeft {
  checks: number
}

type Session = Pick<ServerSession, 'sessionKey' | 'service'>
const auth: ErrorType = { code: 'AUTH' }
const unlimited: ChecksLeft = { checks: Number.POSITIVE_INFINITY }

/** `null`: the command may be executed. */
export function verify(
  store: Store,
  session: Session,
  received: AuthorizedCommand,
  left: ChecksLeft = unlimited,
): ErrorType | null {
  const { command, authorization } = received
  const serviceError = checkService(session, received)
  if (serviceError) return serviceError
  const definition = definitionOf(command.tag)
  if (definition.service === 'gives' || definition.auth === 'absent') return null
  const queue = queueOf(store, received)
  if (command.tag === 'SEND' && !authorization) return queue && !queue.senderKey ? null : auth
  const keys = keysOf(command, queue)
  // Without a key a constant one is tried: that there is none must not show in the time it takes.
  for (const key of keys.length > 0 ? keys : [undefined]) {
    if (--left.checks < 0) return { code: 'INTERNAL' }
    if (checkAuthorization(session, received, key)) return null
  }
  return auth
}

/** The queue that a command is about; `undefined` where there is none, also for commands that are about none. */
export function queueOf(store: Store, { command, entityId }: Pick<AuthorizedCommand, 'command' | 'entityId'>) {
  const { party } = definitionOf(command.tag)
  switch (party) {
    case 'recipient':
      return store.queues.get(toMapKey(entityId))
    case 'sender':
      return store.ofSender(toMapKey(entityId))
    case 'link':
      return store.ofLink(toMapKey(entityId))
    case 'notifier':
      return store.ofNotifier(toMapKey(entityId))
    default:
      return undefined
  }
}

const none: readonly AuthKey[] = []
const given = (key: AuthKey | null | undefined): readonly AuthKey[] => (key ? [key] : none)

function keysOf(command: Command, queue: Queue | undefined): readonly AuthKey[] {
  if (command.tag === 'NEW') return [command.authKey]
  if (!queue) return none
  switch (command.tag) {
    case 'SKEY':
    case 'LKEY':
      return !queue.senderKey || queue.senderKey.equals(command.senderKey) ? [command.senderKey] : none
    case 'SEND':
      return given(queue.senderKey)
    case 'NSUB':
      return given(queue.notifier?.key)
    default:
      return queue.recipientKeys
  }
}
