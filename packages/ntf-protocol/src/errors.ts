// Spec 20 §10, 23 §1: what a request or a session can end with.

import { onAbort } from '@smpkit/encoding/internal'
import { type ErrorType, errorTypeCode } from '@smpkit/smp-commands'

/** The base of this package's errors. */
export abstract class NtfError extends Error {
  abstract override readonly name: string
  abstract readonly code: string
  /** Whether the same may work later. */
  abstract readonly temporary: boolean
}

/** Whether trying again later can help. */
const temporary = {
  /** No connection to the server could be made; `cause` says why. `temporary` is that of the cause. */
  CONNECT: true,
  /** No answer in time. Whether the server got the command is not known. */
  TIMEOUT: true,
  /** The session ended before the answer came; `cause` is the connection's error, if it had one. */
  CLOSED: true,
  /** The caller's `signal`; `cause` is its reason. */
  ABORTED: false,
  /** The answer is of a kind that the command does not have, or for another entity. */
  UNEXPECTED: false,
  /** The answer cannot be read. */
  RESPONSE: false,
  /** The server sent a block that cannot be read, or could not read one of ours: the session ended. */
  BLOCK: true,
  /** The command does not fit a block. */
  LARGE: false,
  /** The command cannot be written or authorized; `cause` says why. */
  INVALID: false,
} as const

export type NtfClientErrorCode = keyof typeof temporary

/** Something went wrong on our side, or with the connection. */
export class NtfClientError extends NtfError {
  override readonly name = 'NtfClientError'
  readonly temporary: boolean

  constructor(
    readonly code: NtfClientErrorCode,
    message: string,
    options: { cause?: unknown; temporary?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.temporary = options.temporary ?? temporary[code]
  }
}

/** The server answered `ERR`. */
export class NtfReplyError extends NtfError {
  override readonly name = 'NtfReplyError'
  readonly code: ErrorType['code']
  /** Only trouble of the server with its database (`STORE`) may pass. */
  readonly temporary: boolean

  constructor(readonly error: ErrorType) {
    super(`the server answered ERR ${errorTypeCode(error)}`)
    this.code = error.code
    this.temporary = error.code === 'STORE'
  }
}

/** How the end of a connection or a failed attempt to make one is told. */
export function temporaryOf(cause: unknown): boolean {
  return !(typeof cause === 'object' && cause !== null && 'temporary' in cause && cause.temporary === false)
}

export const aborted = (signal: AbortSignal): NtfClientError =>
  new NtfClientError('ABORTED', 'aborted by the caller', { cause: signal.reason })

/** The same promise, as long as the caller wants to wait. @throws NtfClientError `ABORTED` */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  if (signal.aborted) return Promise.reject(aborted(signal))
  return new Promise((resolve, reject) => {
    const cancel = onAbort(signal, () => reject(aborted(signal)))
    promise.then(resolve, reject).finally(cancel)
  })
}
