// What can stand in the way of notifications; spec 30 §2 and 20 §10 give what is behind them.
import { NtfClientError, NtfReplyError } from '@smpkit/ntf-protocol'
import { ServiceClientError, ServiceStatusError } from '@smpkit/service-protocol'
import { LinkError, PeerError, RequestError } from '@smpkit/smp-agent'
import { SmpError } from '@smpkit/smp-client'
import { Refusal } from './refusal.js'

const temporary = {
  /** The address is neither the contact link of a notification server nor `ntf://…`, or leads to another server. */
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
export function problemOf(error: unknown): NotificationClientError {
  const cause = error instanceof Refusal ? error.cause : error
  if (cause instanceof NotificationClientError) return cause
  const problem = (code: NotificationClientErrorCode, message: string) =>
    new NotificationClientError(code, message, { cause })
  if (cause instanceof NtfReplyError) {
    const { error: reply } = cause
    if (reply.code === 'QUOTA') return problem('LIMIT', 'the notification server allows no more of them')
    if (reply.code === 'CMD' && reply.inner.code === 'PROHIBITED') {
      return problem('DEVICE', 'the notification server does not push to devices of this provider')
    }
    if (cause.temporary) return problem('NETWORK', 'the notification server cannot answer for now')
    return problem('SERVICE', 'the notification server does not take our requests')
  }
  if (cause instanceof NtfClientError) {
    if (cause.temporary) return problem('NETWORK', 'the notification server does not answer')
    if (cause.code === 'CONNECT') return problem('ADDRESS', 'the address leads to another notification server')
    return problem('SERVICE', 'expected a notification server that speaks our version, got an unexpected answer')
  }
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
