// Spec 04 §4, §5, 06 §3: the tables of all commands and all messages of the broker.
import { type Codec, record, type Value } from '@smpkit/encoding'
import { type CommandDefinition, type Commands, type Messages, nobody } from './definitions.js'
import { errorType } from './error-type.js'
import { linkCommands, linkMessages } from './links.js'
import { newQueueCommands, newQueueMessages } from './new-queue.js'
import { notificationCommands, notificationMessages } from './notifications.js'
import { proxyCommands, proxyMessages } from './proxy.js'
import { recipientCommands, recipientMessages } from './recipient.js'
import { nameCommands, nameMessages } from './resolving.js'
import { senderCommands } from './sending.js'
import { serviceCommands, serviceMessages } from './services.js'
import { byVersion, tagFormat } from './tags.js'
import { has, type SmpVersion } from './versions.js'

/** Every command, by tag. */
export const commands = {
  ...newQueueCommands,
  ...recipientCommands,
  ...linkCommands,
  ...notificationCommands,
  ...serviceCommands,
  ...senderCommands,
  ...proxyCommands,
  ...nameCommands,
  PING: { ...nobody, role: null, answers: ['PONG'], params: null },
} as const satisfies Commands

/** Below version 18 `BLOCKED` has no notice. */
const errorAt = (version: SmpVersion): Codec<{ error: Value<typeof errorType> }> =>
  record({
    error: has(version, 'blockedNotice')
      ? errorType
      : {
          write: (w, v) => errorType.write(w, v.code === 'BLOCKED' ? { ...v, notice: null } : v),
          read: (r) => errorType.read(r),
        },
  })

/** Every message of the broker, by tag. */
export const messages = {
  ...newQueueMessages,
  ...recipientMessages,
  ...linkMessages,
  ...notificationMessages,
  ...serviceMessages,
  ...proxyMessages,
  ...nameMessages,
  OK: { entity: 'id', params: null },
  ERR: { entity: 'any', params: errorAt },
  PONG: { entity: 'empty', params: null },
} as const satisfies Messages

export type CommandTag = keyof typeof commands
export type MessageTag = keyof typeof messages

/** A command of a client. Arrays of a command that was read are views into its block. */
export type Command = ReturnType<ReturnType<typeof commandFormat>['read']>
/** A command by its tag: `CommandOf<'NEW'>`. */
export type CommandOf<T extends CommandTag> = Extract<Command, { tag: T }>
/** A message of the broker: an answer or an event. Arrays of a message that was read are views into its block. */
export type BrokerMessage = ReturnType<ReturnType<typeof messageFormat>['read']>
export type MessageOf<T extends MessageTag> = Extract<BrokerMessage, { tag: T }>

/** Commands at one version; the same object for each call with it. */
export const commandFormat = byVersion((version) => tagFormat(commands, version))

const messageTable = byVersion((version) => tagFormat(messages, version))

/** Messages at one version. `SOK` is written as `OK` below version 16. */
export const messageFormat = byVersion((version): ReturnType<typeof messageTable> => {
  const format = messageTable(version)
  if (has(version, 'serviceCertificates')) return format
  return { read: format.read, write: (w, v) => format.write(w, v.tag === 'SOK' ? { tag: 'OK' } : v) }
})

/** What the tables say of a command. */
export const definitionOf = (tag: CommandTag): CommandDefinition => commands[tag]
