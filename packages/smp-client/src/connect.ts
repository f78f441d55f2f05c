// Spec 03: what a client needs of a transport.
import type { PrivateKey, SigningAlgorithm } from '@smpkit/crypto'
import type { BlockConnection, ClientSession, ServiceRole } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'

/** A service certificate, DER, leaf first, and what it is presented for (03 §5). */
export interface ServiceCredentials {
  readonly role: ServiceRole
  readonly certChain: readonly Uint8Array[]
  readonly privateKey: PrivateKey<SigningAlgorithm>
}

export interface ConnectOptions {
  signal?: AbortSignal | undefined
  service?: ServiceCredentials | null | undefined
  /** Whose connection it is: a transport may keep those of different users apart on their way, as Tor does. */
  userId?: string | undefined
}

/**
 * Makes a connection whose server is the one of the address, with the handshake done. It MUST settle soon after `signal`
 * aborts. Its errors tell by a field `temporary` whether trying again can help; without it that is assumed.
 */
export type Connect = (server: ServerAddress, options: ConnectOptions) => Promise<BlockConnection<ClientSession>>
