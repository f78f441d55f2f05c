// Spec 04 §3: what a definition in the tables of commands and messages says.

import type { ServiceRole } from './session.js'
import type { Params } from './tags.js'

/** Whether a transmission carries something. */
export type Presence = 'required' | 'optional' | 'absent'

/** One command: its parameters, who may give it, and what may come back. */
export interface CommandDefinition {
  readonly params: Params<object>
  /** Whose key authorizes it: the queue's recipient, sender or notifier, the key inside the command, the service, nobody. */
  readonly party: 'creator' | 'recipient' | 'sender' | 'link' | 'notifier' | 'service' | 'nobody'
  readonly auth: Presence
  readonly entity: Exclude<Presence, 'optional'>
  /** The role that a service session needs for it; `null`: any. */
  readonly role: ServiceRole | null
  /** In a service session: `adds` a second signature, or `gives` the only one; otherwise it takes no part. */
  readonly service: 'adds' | 'gives' | 'none'
  /** Tags of the answers other than `ERR`. */
  readonly answers: readonly string[]
}

/** One message of the broker. */
export interface MessageDefinition {
  readonly params: Params<object>
  /** What a client demands of its entity id: `empty`, or an id, or anything. */
  readonly entity: 'empty' | 'id' | 'any'
}

/** Common kinds of commands. */
export const recipient = {
  party: 'recipient',
  auth: 'required',
  entity: 'required',
  role: 'messaging',
  service: 'none',
} as const
export const sender = { ...recipient, party: 'sender' } as const
export const notifier = { ...recipient, party: 'notifier', role: 'notifier' } as const
export const service = { ...recipient, party: 'service', service: 'gives' } as const
export const nobody = { party: 'nobody', auth: 'absent', entity: 'absent', role: 'messaging', service: 'none' } as const

const ok = ['OK'] as const
/** A recipient's command that is answered with `OK`. */
export const recipientOk = { ...recipient, answers: ok } as const
export const senderOk = { ...sender, answers: ok } as const

/** A table of commands or messages by tag. */
export type Commands = Record<string, CommandDefinition>
export type Messages = Record<string, MessageDefinition>
