// Spec 04 §6.2, 06 §5: what the server knows of one connection.
import { emptyIdsHash, xorIdsHash } from '@smpkit/crypto'
import {
  type BrokerMessage,
  type CommandTag,
  type ErrorType,
  maxTransmissionLength,
  messageFormat,
  plainTransmission,
  type ServerSession,
  type ServiceQueues,
} from '@smpkit/smp-commands'
import type { LogEntry } from './options.js'
import { Outgoing, type OutgoingOptions } from './outgoing.js'
import { type Id, idBytes, type Service } from './queue.js'
import { Slots } from './slots.js'

const empty = new Uint8Array(0)

/** Commands of one connection that wait for another server at a time (04 §8). */
const proxyConcurrency = 32

/** One queue in one connection. */
export interface Subscription {
  /** `get`: the queue was read with GET, and cannot be subscribed to. */
  readonly kind: 'subscribed' | 'get'
  /** The message that was sent and not acknowledged. */
  delivered: Id | null
  /** The message waits for its turn to be sent. */
  queued: boolean
}

export const newSubscription = (kind: Subscription['kind']): Subscription => ({ kind, delivered: null, queued: false })

/** The subscription of a service in one connection (06 §5). */
export class ServiceSubscription {
  /** `SUBS` or `NSUBS` has been answered. */
  subscribed = false
  count = 0
  idsHash: Uint8Array = emptyIdsHash()

  constructor(readonly service: Service) {}

  set(count: number, idsHash: Uint8Array): void {
    this.count = count
    this.idsHash = idsHash
  }

  add(id: Id): void {
    this.set(this.count + 1, xorIdsHash(this.idsHash, idBytes(id)))
  }

  /** Nothing is left when no more are taken than there are (06 §4). */
  remove(id: Id): void {
    if (this.count > 1) this.set(this.count - 1, xorIdsHash(this.idsHash, idBytes(id)))
    else this.clear()
  }

  clear(): void {
    this.set(0, emptyIdsHash())
  }

  get queues(): ServiceQueues {
    return { count: BigInt(this.count), idsHash: this.idsHash }
  }
}

/** Told of what comes from one client and goes to it. */
export type ClientLog = (direction: LogEntry['direction'], tag: LogEntry['tag'], entityId: Uint8Array) => void

export class Client {
  /** By recipient id. */
  readonly subscriptions = new Map<Id, Subscription>()
  /** Ids of notifiers that this connection itself subscribed to, not its service. */
  readonly notifiers = new Set<Id>()
  readonly service: ServiceSubscription | null
  readonly outgoing: Outgoing
  readonly proxying = new Slots(proxyConcurrency)
  /** When a block last came or went. */
  lastActivity: number
  readonly #now: () => number
  readonly #log: ClientLog

  constructor(
    readonly session: ServerSession,
    options: OutgoingOptions & { service: Service | null; now: () => number; log: ClientLog },
  ) {
    this.#log = options.log
    this.service = options.service && new ServiceSubscription(options.service)
    this.#now = options.now
    this.lastActivity = this.#now()
    this.outgoing = new Outgoing({
      message: options.message,
      send: (content) => {
        this.active()
        return options.send(content)
      },
    })
  }

  active(): void {
    this.lastActivity = this.#now()
  }

  get subscriptionCount(): number {
    return this.subscriptions.size + this.notifiers.size
  }

  received(tag: CommandTag, entityId: Uint8Array): void {
    this.#log('received', tag, entityId)
  }

  /** The transmission of an answer. */
  answer(corrId: Uint8Array, entityId: Uint8Array, message: BrokerMessage): Uint8Array {
    this.#log('sent', message.tag, entityId)
    return transmissionOf(this.session, corrId, entityId, message)
  }

  error(corrId: Uint8Array, entityId: Uint8Array, error: ErrorType): Uint8Array {
    return this.answer(corrId, entityId, { tag: 'ERR', error })
  }

  /** The transmission of an event; `null`: of no entity. */
  event(id: Id | null, message: BrokerMessage): Uint8Array {
    return this.answer(empty, id === null ? empty : idBytes(id), message)
  }
}

/** What does not fit a block is answered with an error that does. */
export function transmissionOf(
  { version }: Pick<ServerSession, 'version'>,
  corrId: Uint8Array,
  entityId: Uint8Array,
  message: BrokerMessage,
): Uint8Array {
  const format = messageFormat(version)
  const bytes = plainTransmission(corrId, entityId, (w) => format.write(w, message))
  if (bytes.length <= maxTransmissionLength()) return bytes
  const error: BrokerMessage = { tag: 'ERR', error: { code: 'LARGE_MSG' } }
  return plainTransmission(corrId, entityId, (w) => format.write(w, error))
}
