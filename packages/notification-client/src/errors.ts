// What can stand in the way of notifications; spec 30 §2 gives the statuses behind them.

import { ServiceClientError, ServiceStatusError } from '@smpkit/service-protocol'
import { LinkError, PeerError, RequestError } from '@smpkit/smp-agent'
import { SmpError } from '@smpkit/smp-client'

const temporary = {
  /** The address is no contact link of a notification server. */
  ADDRESS: false,
  /** What answers there is no notification server that speaks our version. */
  SERVICE: false,
  /** The server does not offer the provider, does not take the device's token, or the provider says that it is worthless. */
  DEVICE: false,
  /** The server allows no more tokens, subscriptions or SMP servers; `temporary` limits are waited for. */
  LIMIT: false,
  /** The server has let us go, or does not let us in: it is asked again later. */
  CONNECTION: true,
  /** No answer for now: the request is repeated. */
  NETWORK: true,
  /** Something failed here, as the store may; it is tried again. `cause` says what. */
  INTERNAL: true,
  /** What came is no push for this device. */
  PUSH: false,
  /** The client was closed, or switched off. */
  CLOSED: false,
} as const

export type NotificationClientErrorCode = keyof typeof temporary

export class NotificationClientError extends Error {
  override readonly name = 'NotificationClientError'
  /** Whether the client goes on by itself. */
  readonly temporary: boolean

  constructor(
    readonly code: NotificationClientErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.temporary = temporary[code]
  }
}

/** Whether the same request may be answered later. */
export const mayPass = (error: unknown): boolean => (error as { temporary?: unknown } | undefined)?.temporary === true

/** What a request ended with, in words for whoever uses the client. */
export function problemOf(cause: unknown): NotificationClientError {
  if (cause instanceof NotificationClientError) return cause
  const problem = (code: NotificationClientErrorCode, message: string) =>
    new NotificationClientError(code, message, { cause })
  if (cause instanceof ServiceStatusError) {
    const { status } = cause
    if (status === 'too_many') return problem('NETWORK', 'the notification server asks us to wait')
    if (status === 'forbidden') return problem('LIMIT', 'the notification server allows no more of them')
    if (status === 'bad_request') return problem('DEVICE', 'the notification server does not take this device token')
    if (cause.temporary) return problem('NETWORK', 'the notification server cannot answer for now')
    return problem('SERVICE', 'expected a notification server, got answers of something else')
  }
  if (cause instanceof ServiceClientError) {
    return cause.temporary
      ? problem('NETWORK', 'the notification server does not answer')
      : problem('SERVICE', 'expected a notification server that speaks our version, got an unexpected answer')
  }
  if (cause instanceof LinkError || cause instanceof PeerError) {
    return problem('ADDRESS', 'the address of the notification server leads nowhere')
  }
  if (cause instanceof RequestError && cause.code === 'CLOSED') return problem('CLOSED', 'the agent was closed')
  if (cause instanceof SmpError) return problem('NETWORK', 'the SMP server of the address cannot be reached')
  return problem('INTERNAL', 'an unexpected error of the agent or the state')
}
