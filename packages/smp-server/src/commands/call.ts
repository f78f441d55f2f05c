// Spec 04 §4: what a command is executed with, and the answers that many of them give.
import { type BrokerMessage, type CommandOf, type CommandTag, cmd, type ErrorType } from '@smpkit/smp-commands'
import type { Broker } from '../broker.js'
import type { Client } from '../client.js'
import type { Id, Queue } from '../queue.js'

/** What is sent behind the answers of a block. */
export interface Following {
  /** Queues whose first message is to be sent; the first one may stand in the block of the answers. */
  readonly messages: Id[]
  /** The same, each in a block of its own. */
  readonly pushed: Id[]
  /** Transmissions behind those messages. */
  readonly events: Uint8Array[]
}

/** Where a command comes from. */
export interface Context {
  readonly broker: Broker
  readonly client: Client
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  readonly following: Following
}

/** A command that is authorized. Its arrays are views into its block. */
export interface Call<T extends CommandTag> extends Context {
  readonly command: CommandOf<T>
}

/** A command about a queue that exists. */
export interface QueueCall<T extends CommandTag> extends Call<T> {
  readonly queue: Queue
}

/** `null`: it will be answered later. */
export type Handler<T extends CommandTag> = (call: Call<T>) => BrokerMessage | null
export type QueueHandler<T extends CommandTag> = (call: QueueCall<T>) => BrokerMessage

export const refuse = (error: ErrorType): BrokerMessage => ({ tag: 'ERR', error })

export const ok: BrokerMessage = { tag: 'OK' }
export const auth = refuse({ code: 'AUTH' })
export const prohibited = refuse(cmd('PROHIBITED'))
export const internal = refuse({ code: 'INTERNAL' })

export const crypto = refuse({ code: 'CRYPTO' })
export const noResolver = refuse({ code: 'NAME', inner: { code: 'NO_RESOLVER' } })

/** A limit of this server; the protocol has no word for most of them. */
export const limit = (text: string): BrokerMessage => refuse({ code: 'STORE', text })
