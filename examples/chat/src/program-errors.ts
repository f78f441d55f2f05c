// What our programs tell who runs them when something does not work, and how they exit.
import { StoreError } from '@smpkit/agent-store'
import { LinkError, PeerError, RequestError } from '@smpkit/smp-agent'
import { SmpError } from '@smpkit/smp-client'
import { AddressError } from '@smpkit/smp-commands/address'
import { SmpTransportError } from '@smpkit/smp-transport'
import { ChatError } from './errors.js'

/** The same for all programs. */
export const exitCodes = {
  ok: 0,
  /** Options, link or text are wrong. */
  usage: 1,
  /** Nobody accepted us in time. */
  late: 2,
  /** A server cannot be reached, or refuses what is asked. */
  network: 3,
  /** The database cannot be opened or used. */
  database: 4,
  /** The link leads nowhere any more, or the message cannot be delivered. */
  refused: 5,
  /** The server has the message, and the peer's receipt did not come in time. */
  unconfirmed: 6,
  /** A mistake of ours. */
  internal: 70,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends a program with a line that says why. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
  readonly temporary = false

  constructor(
    readonly code: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

export const usageError = (message: string, cause?: unknown): ProgramError =>
  new ProgramError(exitCodes.usage, message, { cause })

/** An error on one line, with those of its causes that say more. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message } = error
  const cause = error.cause === undefined ? '' : describeError(error.cause)
  const text = message.includes(cause) ? message : cause.includes(message) ? cause : `${message} (${cause})`
  return text.replace(/\s+/g, ' ').trim()
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof ProgramError) return error.code
  if (error instanceof StoreError) return exitCodes.database
  if (error instanceof LinkError) return error.code === 'GONE' ? exitCodes.refused : exitCodes.usage
  if (error instanceof AddressError) return exitCodes.usage
  if (error instanceof ChatError || error instanceof RequestError) {
    return error.code === 'LARGE' ? exitCodes.usage : exitCodes.refused
  }
  if (error instanceof PeerError) return exitCodes.refused
  if (error instanceof SmpError || error instanceof SmpTransportError) return exitCodes.network
  return exitCodes.internal
}
