// Spec 20 §3: from an address to a session.
import type { ServerAddress } from '@smpkit/smp-commands/address'
import type { NtfConnect } from './connect.js'
import { connectNtf } from './connect-ntf.js'
import { aborted, NtfClientError, temporaryOf } from './errors.js'
import { NtfSessionClient, type NtfSessionOptions } from './session-client.js'

export interface NtfOpenOptions extends NtfSessionOptions {
  /** Default: TLS, where there is Node. */
  connect?: NtfConnect | undefined
  signal?: AbortSignal | undefined
}

/**
 * Connects to a server and opens a session. The caller closes it.
 * @throws NtfClientError `CONNECT`, `ABORTED`
 */
export async function openNtfSession(server: ServerAddress, options: NtfOpenOptions = {}): Promise<NtfSessionClient> {
  const { connect = connectNtf, signal } = options
  if (signal?.aborted) throw aborted(signal)
  try {
    return new NtfSessionClient(await connect(server, { signal }), options)
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal)
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new NtfClientError('CONNECT', `cannot connect: ${why}`, { cause, temporary: temporaryOf(cause) })
  }
}
