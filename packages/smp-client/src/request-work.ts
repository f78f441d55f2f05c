// Spec 04 §2.3, §10: what is known of requests on their way.
import { EncodeError } from '@smpkit/encoding'
import type { Clock } from '@smpkit/encoding/internal'
import type { ClientSession } from '@smpkit/smp-commands'
import { type Outcome, SmpClientError } from './errors.js'
import type { Answer, Request } from './requests.js'

/** Requests that somebody waits for as a whole. */
export interface Batch {
  readonly requests: Iterator<Request>
  /** A single command has a block of its own, and its time runs from the call; the others' from when they are sent. */
  readonly single: boolean
  readonly timeout: number
  onOutcome(request: Request, outcome: Outcome<Answer>): void
  /** Called once, when all have their outcome; with what `requests` or `onOutcome` threw, if one did. */
  onDone(failure?: unknown): void
}

export interface QueueOptions {
  readonly session: ClientSession
  readonly clock: Clock
  /** Requests that are sent and not answered: single ones, and as many of lists. */
  readonly maxInFlight: number
  send(content: Uint8Array): Promise<void>
  /** Whether so many events wait that lists, which may bring more, are to wait for who takes them. */
  crowded(): boolean
  /** The connection did not take a block. */
  onSendError(error: unknown): void
  /** So many requests timed out just now. */
  onTimeouts(count: number): void
}

/** A batch and how far it is. */
export interface Work {
  readonly batch: Batch
  /** Requests that were taken from it and have no outcome. */
  open: number
  exhausted: boolean
  failure: unknown
  /** Of a single one; it counts while it waits, too. */
  readonly deadline: number
  /** Until when a list waits for the events to be taken: who takes them may be the one that waits for the list. */
  patience: number
}

export interface Pending {
  readonly request: Request
  readonly work: Work
  deadline: number
  sent: boolean
}

export interface Written {
  readonly key: string
  readonly transmission: Uint8Array
}

export interface Match {
  readonly request: Request
  readonly outcome: Outcome<Answer>
  settle(outcome: Outcome<Answer>): void
}

/** Why a command cannot be sent. */
export function authorizeError(tag: string, cause: unknown): SmpClientError {
  const isLarge = cause instanceof EncodeError && cause.code === 'LARGE'
  const why = cause instanceof Error ? cause.message : 'unknown'
  return new SmpClientError(isLarge ? 'LARGE_MSG' : 'INVALID', `cannot write ${tag}: ${why}`, { cause })
}
