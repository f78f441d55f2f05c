// Spec 20 §1: what a client needs of a transport.
import type { BlockConnection } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import type { NtfClientEnd } from './session.js'

/**
 * Makes a connection whose server is the one of the address, with the handshake done. It MUST settle soon after `signal`
 * aborts. Its errors tell by a field `temporary` whether trying again can help; without it that is assumed.
 */
export type NtfConnect = (
  server: ServerAddress,
  options: { signal?: AbortSignal | undefined },
) => Promise<BlockConnection<NtfClientEnd>>
