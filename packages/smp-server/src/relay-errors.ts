// Spec 04 §8: what a client is told when its relay cannot be used.
import { type BrokerError, type ErrorType, HandshakeError, type TransportError } from '@smpkit/smp-commands'
import { AddressError } from '@smpkit/smp-commands/address'
import { SmpTransportError } from '@smpkit/smp-transport'

export const broker = (inner: BrokerError): ErrorType => ({ code: 'PROXY', inner: { code: 'BROKER', inner } })

/** An answer of the proxy, on its way up. */
export class RelayError extends Error {
  override readonly name = 'RelayError'

  constructor(readonly error: ErrorType) {
    super('the relay cannot be used')
  }
}

export const network = broker({ code: 'NETWORK', inner: { code: 'FAILED' } })

/** The protocol's word for what was thrown; `null`: it is a fault of ours. */
export function relayError(cause: unknown): ErrorType | null {
  if (cause instanceof RelayError) return cause.error
  if (cause instanceof AddressError) return broker({ code: 'HOST' })
  if (!(cause instanceof SmpTransportError)) return null
  switch (cause.code) {
    case 'TIMEOUT':
      return broker({ code: 'TIMEOUT' })
    case 'HOST':
    case 'REFUSED_ADDRESS':
      return broker({ code: 'HOST' })
    case 'HANDSHAKE':
      return handshakeError(cause.cause)
    default:
      // Also a wrong fingerprint: no detail on the wire.
      return network
  }
}

function handshakeError(cause: unknown): ErrorType {
  if (cause instanceof RelayError) return cause.error
  if (!(cause instanceof HandshakeError)) return network
  const { code } = cause
  const inner: TransportError =
    code === 'SESSION' || code === 'VERSION' ? { code } : { code: 'HANDSHAKE', inner: { code } }
  return broker({ code: 'TRANSPORT', inner })
}
