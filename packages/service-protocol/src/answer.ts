// Spec 30 §2: what a request is answered.

export type SuccessStatus = 'ok' | 'created' | 'accepted'

export const failureStatuses = [
  'bad_request',
  'unauthorized',
  'forbidden',
  'not_found',
  'not_allowed',
  'conflict',
  'gone',
  'too_large',
  'too_many',
  'error',
  'unavailable',
] as const

export type FailureStatus = (typeof failureStatuses)[number]

/** The data of every failure, with what its status adds: `issues`, `allow`, `max`, `retryAfter` in seconds, `id`. */
export interface FailureData {
  /** A word that a program can tell apart. */
  readonly reason: string
  /** For people. */
  readonly message?: string
  readonly [field: string]: unknown
}

export interface Answer {
  /** A peer may send others than the known ones: they are failures. */
  readonly status: string
  /** Any JSON value; `undefined` is no data, which is not the same as `null`. */
  readonly data?: unknown
}

const successes = new Set<string>(['ok', 'created', 'accepted'] satisfies SuccessStatus[])

/** Whether the request was done. An unknown status is a failure. */
export const isSuccess = (status: string): status is SuccessStatus => successes.has(status)

const passing = new Set<string>(['error', 'unavailable', 'too_many'] satisfies FailureStatus[])

/** Whether the same request may be answered otherwise later; such answers are not kept for repeats (30 §3). */
export const isTemporary = (status: string): boolean => passing.has(status)

export const failure = (status: FailureStatus, data: FailureData): Answer => ({ status, data })
