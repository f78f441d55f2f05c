// Spec 30 §2–§3: what a request can end with, on either side. Messages never hold an id, a resource or data.
import { type FailureData, type FailureStatus, failureStatuses, isTemporary } from './answer.js'

/** The base of this package's errors. */
export abstract class ServiceError extends Error {
  abstract override readonly name: string
  abstract readonly code: string
  /** Whether the same may work later. */
  abstract readonly temporary: boolean
}

/** What a handler throws so that the request is answered with this failure. */
export class ServiceFailure extends ServiceError {
  override readonly name = 'ServiceFailure'
  readonly code: FailureStatus
  readonly temporary: boolean

  constructor(
    readonly status: FailureStatus,
    /** Goes to the requester. */
    readonly data: FailureData,
    options?: ErrorOptions,
  ) {
    super(`the request is answered ${status}`, options)
    this.code = status
    this.temporary = isTemporary(status)
  }
}

const temporary = {
  /** No answer in time. Whether the service got the request is not known: a repeat with the same id has no second effect. */
  TIMEOUT: true,
  /** The request does not fit one message. Nothing was sent. */
  TOO_LARGE: false,
  /** The client was closed, or the channel refused the message; `cause` says why. */
  CLOSED: true,
  /** The caller's `signal`; `cause` is its reason. */
  ABORTED: false,
  /** The answer is not one that the definition has for this request. */
  ANSWER: false,
  /** The request cannot be written: a bad id, a parameter that cannot be part of a resource, data that is no JSON. */
  INVALID: false,
} as const

export type ServiceClientErrorCode = keyof typeof temporary

/** Something went wrong on the requester's side. */
export class ServiceClientError extends ServiceError {
  override readonly name = 'ServiceClientError'
  readonly temporary: boolean

  constructor(
    readonly code: ServiceClientErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.temporary = temporary[code]
  }
}

const known = new Set<string>(failureStatuses)

/** The service answered with a failure. */
export class ServiceStatusError extends ServiceError {
  override readonly name = 'ServiceStatusError'
  readonly code = 'STATUS'
  readonly temporary: boolean

  constructor(
    /** As the service wrote it; an unknown status is a failure too. */
    readonly status: string,
    /** Comes from the service; a `reason` is always there. */
    readonly data: FailureData,
  ) {
    super(`the service answered ${known.has(status) ? status : 'an unknown status'}`)
    this.temporary = isTemporary(status)
  }
}

/** Any error that the client rejects with. */
export type ServiceRequestError = ServiceClientError | ServiceStatusError
