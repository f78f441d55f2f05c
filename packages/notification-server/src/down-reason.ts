// Spec 30 §2, §6: why a server is down or a queue refused, in a word for its owner and the operator.
import type { SmpError } from '@smpkit/smp-client'

/** There is nothing that may be connected to: not global unicast, or `.onion` without a proxy. */
export const addressRefused = 'address refused'

const refusedAddressCodes: ReadonlySet<string> = new Set(['REFUSED_ADDRESS', 'HOST', 'ADDRESS'])

/** Why a server is down; `CLOSED` where we ended it. */
export function reasonOf(error: SmpError | undefined): string {
  if (!error) return 'CLOSED'
  const cause = error.code === 'CONNECT' ? causeCode(error) : undefined
  if (cause !== undefined && refusedAddressCodes.has(cause)) return addressRefused
  return cause ?? error.code
}

/**
 * The code of a `refused` event. A server that answers `SERVICE` in a session without a service, where nothing can be done about it,
 * does not authorize us, and is tried again as after `AUTH`.
 */
export function codeOf(error: SmpError): string {
  return error.code === 'SERVICE' ? 'AUTH' : reasonOf(error)
}

function causeCode({ cause }: SmpError): string | undefined {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined
  return typeof cause.code === 'string' ? cause.code : undefined
}
