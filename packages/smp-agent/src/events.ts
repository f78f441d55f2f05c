// What an application is told. Each event is stored until the application acknowledges it.
import type { Row, Synchronization } from '@smpkit/agent-store'
import {
  bool,
  type Codec,
  decode,
  encode,
  int64,
  largeBytes,
  record,
  seconds,
  shortBytes,
  tail,
  text,
  type Value,
} from '@smpkit/encoding'
import { type ConnectionId, idToText } from './connection-id.js'

const empty = record({})
/** A code of an error and what to tell a person. */
const problem = record({ code: text, reason: text })

/** What is stored of each event, beside the connection and the message id. */
const payloads = {
  /** Somebody asks to connect to our contact address: `accept` or `reject`. */
  request: record({ requestId: text, info: largeBytes, pqSupport: bool }),
  /** The peer has joined our invitation or request: `allow` it. */
  confirmation: record({ info: largeBytes, pqSupport: bool }),
  /** The info of the peer whose invitation we joined, or whose request we accepted. */
  info: record({ info: largeBytes, pqSupport: bool }),
  /** Both sides can send and receive. */
  connected: empty,
  /** A message of the peer. `sentId` and `hash` are what a receipt names; `integrity` is `OK` or `ERR …` (11 §11.5.2). */
  message: record({
    sentId: int64,
    hash: shortBytes,
    /** The server's time, in seconds since 1970. */
    serverTs: seconds,
    integrity: text,
    notification: bool,
    /** It was encrypted with post-quantum keys, too. */
    pq: bool,
    body: tail,
  }),
  /** The server has our message. */
  sent: empty,
  /** It will never have it. */
  notSent: problem,
  /** The peer's queue is full: our message waits until there is room again, for 7 days at most. */
  waiting: problem,
  /** The peer's agent tells that its application has our message; `badHash`: another one than we sent. */
  receipt: record({ status: text as Codec<'received' | 'badHash'>, info: largeBytes }),
  /** How both ratchets are to each other (10 §10.9). Of these, of `switch` and of `error`, 100 of a connection may wait: more are not told. */
  synchronization: record({ state: text as Codec<Exclude<Synchronization, 'restored'>> }),
  /** A queue of ours (`receive`) or the peer's (`send`) is being replaced by another one (13 §13.8). */
  switch: record({
    side: text as Codec<'receive' | 'send'>,
    phase: text as Codec<'started' | 'confirmed' | 'secured' | 'completed' | 'stopped'>,
  }),
  /** What a notification server needs has changed (`notifiers`): it is there, or worthless from now on. */
  notifications: record({ enabled: bool }),
  /** The connection cannot be made, or works no more. */
  failed: problem,
  /** Something that the peer or a server did was refused; the connection goes on. */
  error: problem,
  /** The connection was deleted, with its queues. */
  deleted: empty,
} as const

export type EventType = keyof typeof payloads
export type Payload<T extends EventType> = Value<(typeof payloads)[T]>

export interface AckOptions {
  /** Of a `message`: send a delivery receipt, with this information or none. Default: no receipt. */
  readonly receipt?: boolean | Uint8Array
  readonly signal?: AbortSignal
}

interface EventBase<T extends EventType> {
  readonly type: T
  readonly connection: ConnectionId
  /** Ascending over all connections; the same when the event comes again. */
  readonly eventId: number
  /** The number of the message within its connection: of the one received or, for `sent`, `receipt` and the like, of ours. 0 for other events. */
  readonly id: number
  /** It was given out before, perhaps to an earlier process that did not acknowledge it. */
  readonly redelivered: boolean
  /**
   * To be called when the event has been dealt with, after a message was saved. Only then the server is told to delete the message. Settles when
   * that is stored; the event does not come again. More calls do nothing.
   */
  ack(options?: AckOptions): Promise<void>
}

/** See `payloads` for what each carries. */
export type AgentEvent = { [T in EventType]: EventBase<T> & Payload<T> }[EventType]
export type EventOf<T extends EventType> = Extract<AgentEvent, { type: T }>

export function encodePayload<T extends EventType>(type: T, payload: Payload<T>): Uint8Array {
  return encode(payloads[type] as Codec<Payload<T>>, payload)
}

export function decodePayload<T extends EventType>(type: T, data: Uint8Array): Payload<T> {
  return decode(payloads[type] as Codec<Payload<T>>, data)
}

export function eventOf(
  row: Row<'events'>,
  redelivered: boolean,
  ack: (options?: AckOptions) => Promise<void>,
): AgentEvent {
  const type = row.type as EventType
  const payload = decodePayload(type, row.data)
  const { eventId, messageId: id } = row
  return { type, connection: idToText(row.connId), eventId, id, redelivered, ack, ...payload } as AgentEvent
}
