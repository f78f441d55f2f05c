// Spec 04 §2.3, §10: what a session can be told, and what it tells.

import type { Clock } from '@smpkit/encoding/internal'
import type { BrokerMessage, MessageOf } from '@smpkit/smp-commands'

export interface SessionOptions {
  /** How long a request waits for its answer, in milliseconds. Default 30 000. */
  requestTimeout?: number
  /**
   * Once something is subscribed: a `PING` after nothing was received for so long, in milliseconds. Default 600 000;
   * `null`: never.
   */
  pingInterval?: number | null
  /** How many single requests, and as many of lists, may be sent and not answered; more wait. Default 1350. */
  maxInFlight?: number
  /**
   * How many events may wait before reading from the connection stops. Default 1024. While a request waits for its answer
   * reading goes on, so that who takes the events can make requests meanwhile; at 16 times as many, or with 64 KB for
   * each, the session ends with `OVERFLOW`. Lists of requests, which may bring more events, wait until half of them are taken, though no longer
   * than the time-out of a request.
   */
  eventBuffer?: number
  /** Told of each message that is neither an answer that somebody waits for nor an event. For logs and counters. */
  onUnexpected?: (what: UnexpectedMessage) => void
  clock?: Clock
}

/** `late`: the answer to a request that timed out or was aborted, or to none. `unreadable`: no message. `unsolicited`: an answer without correlation id. */
export interface UnexpectedMessage {
  readonly kind: 'late' | 'unreadable' | 'unsolicited'
  readonly tag: BrokerMessage['tag'] | undefined
}

/** What the server sends unasked. */
export type EventMessage = MessageOf<'MSG' | 'NMSG' | 'END' | 'DELD' | 'ENDS' | 'ALLS' | 'ERR'>

export interface SessionEvent {
  /** Of the queue, the notifier or the service; empty for `ALLS` and for an `ERR` of the session. The caller's own. */
  readonly entityId: Uint8Array
  readonly message: EventMessage
}
