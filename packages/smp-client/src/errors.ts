// Spec 04 §9, §10: what a request, a session or a subscription can end with.

import { onAbort } from '@smpkit/encoding/internal'
import { type ErrorType, errorTypeCode } from '@smpkit/smp-commands'

/** The base of this package's errors. */
export abstract class SmpError extends Error {
  abstract override readonly name: string
  abstract readonly code: string
  /** Whether the same may work later. */
  abstract readonly temporary: boolean
}

/** Whether trying again later can help. */
const temporary = {
  /** No answer in time. Whether the server got the command is not known. */
  TIMEOUT: true,
  /** The session ended before the answer came; `cause` is the connection's error, if it had one. */
  CLOSED: true,
  /** No connection to the server could be made; `cause` says why. `temporary` is that of the cause. */
  CONNECT: true,
  /** The caller's `signal`; `cause` is its reason. */
  ABORTED: false,
  /** The answer is of a kind that the command does not have, or for another entity. */
  UNEXPECTED_RESPONSE: false,
  /** The answer cannot be read. */
  RESPONSE: false,
  /** The server sent a block that cannot be read: the session ended. */
  BLOCK: true,
  /** The command does not fit a block. */
  LARGE_MSG: false,
  /** The command cannot be written or authorized; `cause` says why. */
  INVALID: false,
  /** More events came than the session may keep: it ended. Or a pool's server has several sessions whose events nobody took. */
  OVERFLOW: true,
  /** Proxied sending: none of our servers can be the proxy. */
  NO_PROXY: false,
  /** Proxied sending: the relay has no version in common with us. */
  VERSION: false,
  /** Proxied sending: the relay's certificates are not those of its address; `cause` says why. */
  RELAY: false,
  /** Another connection took the subscription. */
  ENDED: false,
  /** The queue or its notifier was deleted. */
  DELETED: false,
} as const

export type SmpClientErrorCode = keyof typeof temporary

/** Something went wrong on our side, or with the connection. */
export class SmpClientError extends SmpError {
  override readonly name = 'SmpClientError'
  readonly temporary: boolean

  constructor(
    readonly code: SmpClientErrorCode,
    message: string,
    options: { cause?: unknown; temporary?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.temporary = options.temporary ?? temporary[code]
  }
}

/** Who answered: the server of the session; with proxied sending the proxy itself, or the relay behind it. */
export type ReplyOrigin = 'server' | 'proxy' | 'relay'

/** The peer answered `ERR`. */
export class SmpReplyError extends SmpError {
  override readonly name = 'SmpReplyError'
  readonly code: ErrorType['code']
  readonly temporary: boolean

  constructor(
    readonly reply: ErrorType,
    readonly from: ReplyOrigin = 'server',
  ) {
    super(`the ${from} answered ERR ${errorTypeCode(reply)}`)
    this.code = reply.code
    this.temporary = isTemporary(reply)
  }
}

/** Storage and network trouble behind the server, and a queue that is full now (04 §10, 06 §9.1). */
function isTemporary(reply: ErrorType): boolean {
  if (reply.code === 'STORE' || reply.code === 'QUOTA') return true
  if (reply.code !== 'PROXY') return false
  const { inner } = reply
  if (inner.code === 'PROTOCOL') return isTemporary(inner.inner)
  if (inner.code !== 'BROKER') return inner.code === 'NO_SESSION'
  return inner.inner.code === 'NETWORK' || inner.inner.code === 'TIMEOUT'
}

/** How the end of a connection or a failed attempt to make one is told. */
export function temporaryOf(cause: unknown): boolean {
  return !(typeof cause === 'object' && cause !== null && 'temporary' in cause && cause.temporary === false)
}

export const aborted = (signal: AbortSignal): SmpClientError =>
  new SmpClientError('ABORTED', 'aborted by the caller', { cause: signal.reason })

/** The same promise, as long as the caller wants to wait. @throws SmpClientError `ABORTED` */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  if (signal.aborted) return Promise.reject(aborted(signal))
  return new Promise((resolve, reject) => {
    const cancel = onAbort(signal, () => reject(aborted(signal)))
    promise.then(resolve, reject).finally(cancel)
  })
}

/** What one request of a list came to. */
export type Outcome<M> =
  | { readonly message: M; readonly error?: undefined }
  | { readonly error: SmpError; readonly message?: undefined }
