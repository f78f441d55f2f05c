// Spec 03, 04 §10: from an address to a session.
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { defaultConnect } from '#default-connect'
import type { Connect, ConnectOptions } from './connect.js'
import { aborted, SmpClientError, temporaryOf } from './errors.js'
import { SmpClientSession } from './session.js'
import type { SessionOptions } from './session-options.js'

export interface OpenOptions extends SessionOptions, ConnectOptions {
  /** Default: TLS, where there is Node. */
  connect?: Connect
}

/**
 * Connects to a server and opens a session. The caller closes it.
 * @throws SmpClientError `CONNECT`, `ABORTED`
 */
export async function openSession(server: ServerAddress, options: OpenOptions = {}): Promise<SmpClientSession> {
  const { connect = defaultConnect, signal, service, userId } = options
  if (signal?.aborted) throw aborted(signal)
  try {
    return new SmpClientSession(await connect(server, { signal, service, userId }), options)
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal)
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new SmpClientError('CONNECT', `cannot connect: ${why}`, { cause, temporary: temporaryOf(cause) })
  }
}
