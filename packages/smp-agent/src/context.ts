// What the parts of an agent share: the store, the network, and what has to be done after a change is stored.
import type { AgentStore, Found, Queries, Row } from '@smpkit/agent-store'
import type { Clock, Requester } from '@smpkit/smp-client'
import type { ParsedServerAddress, ServerAddress } from '@smpkit/smp-commands/address'
import type { Fetching } from './fetching.js'
import type { HeldBack } from './held-back.js'
import type { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'
import type { CommandTag } from './stored.js'

/** How an agent reaches servers. */
export interface Network {
  /** Servers of which links name only the host. */
  readonly presets: readonly ServerAddress[]
  /** The server of a queue of ours. Always directly. */
  recipient(server: string, userId: string): Requester
  /** A server that we send to: through a proxy, if the policy says so. */
  sender(server: ServerAddress, userId: string): Requester
  /** One of our own servers for a new queue, of another host than those of `except` if there is one. @throws RequestError `NO_SERVER` */
  chooseServer(except?: readonly ServerAddress[]): ParsedServerAddress
}

/** In milliseconds; spec 13 §13.5. */
export interface RetryOptions {
  /** After errors that may pass. Default: 2 s, then 1.5 times as long once 10 s have passed, up to 120 s. */
  readonly fast: { readonly first: number; readonly growAfter: number; readonly max: number }
  /** While the peer's queue is full. Default: 300 s, from 60 s on 1.5 times as long, up to 6 h. */
  readonly slow: { readonly first: number; readonly growAfter: number; readonly max: number }
  /** How long a message may wait for a server. Default: 2 days. */
  readonly messageTimeout: number
  /** How long it may wait for room in the peer's queue. Default: 7 days. */
  readonly quotaTimeout: number
}

export interface Context {
  readonly store: AgentStore
  readonly network: Network
  readonly clock: Clock
  readonly random: () => number
  readonly retry: RetryOptions
  /** Milliseconds since 1970. */
  now(): number
  /** Aborts when the agent is closed. */
  readonly closing: AbortSignal
  /** Whether new connections support the post-quantum ratchet. */
  readonly pqSupport: boolean

  /**
   * One change of a connection: `work` runs synchronously, perhaps more than once, between reading and writing. What it asks for is done
   * after that is stored: events, deliveries, commands, subscriptions.
   * @throws RequestError `NOT_FOUND` if there is no such connection, and what `work` throws
   */
  step<Q extends Queries, R>(connId: Uint8Array, queries: Q, work: (step: Step, found: Found<Q>) => R): Promise<R>
  /** As `step`, for a connection that does not exist yet. */
  create<Q extends Queries, R>(
    connection: Row<'connections'>,
    queries: Q,
    work: (step: Step, found: Found<Q>) => R,
  ): Promise<R>

  /** A queue has something to deliver; `urgent`: it has room again. */
  wakeDelivery(connId: Uint8Array, queueNo: number, options?: { readonly urgent?: boolean }): void
  /** A connection has commands to carry out. */
  wakeCommands(connId: Uint8Array): void
  /** The peer's message comes again, although its event is not acknowledged yet. */
  redeliver(event: Row<'events'>): void
  /** Subscribes queues, and keeps them subscribed. */
  subscribe(queues: readonly { queue: ReceiveQueue; userId: string }[]): Promise<void>
  unsubscribe(queues: readonly { queue: ReceiveQueue; userId: string }[]): void
  /** Tells the server that a message has been dealt with. It does not fail: the server sends what was not acknowledged again. */
  acknowledge(queue: ReceiveQueue, userId: string, brokerId: Uint8Array): Promise<void>
  /** Whether messages of a queue come without being fetched. */
  isSubscribed(queue: ReceiveQueue): boolean
  /** Queues that are fetched from. */
  readonly fetching: Fetching
  /** Messages of new queues that wait for those of old ones. */
  readonly heldBack: HeldBack
  /** Something has been fetched: an agent that does not subscribe needs no connections now. */
  rest(): Promise<void>
}

/** What is done for a command; it removes its row in its last step. It may begin again after any step. */
export type CommandHandler = (context: Context, command: Row<'commands'>, signal: AbortSignal) => Promise<void>
export type CommandHandlers = Readonly<Record<CommandTag, CommandHandler>>
