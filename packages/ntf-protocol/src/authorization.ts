// Spec 20 §5: authorizing commands, and checking the authorizations.
import type { AuthKey, PrivateAuthKey } from '@smpkit/crypto'
import type { Authorization } from '@smpkit/smp-commands'
import { authorizationBy, authorizedBy } from '@smpkit/smp-commands/internal'
import { type NtfCommand, ntfCommandFormat } from './commands.js'
import type { NtfClientEnd, NtfServerEnd } from './session.js'
import { joinNtfTransmission, writeAuthorized } from './transmission.js'
import { has } from './versions.js'

/** What is needed to authorize a command. */
export interface NtfAuthorizing {
  /** 24 random bytes; the nonce of an authenticator. */
  readonly corrId: Uint8Array
  /** Empty where the command has none. */
  readonly entityId: Uint8Array
  readonly command: NtfCommand
  /** The token's private key; `null` for `PING`. */
  readonly key: PrivateAuthKey | null
}

/** A command ready to be sent, and how it came about. */
export interface NtfAuthorizedTransmission {
  readonly transmission: Uint8Array
  readonly authorized: Uint8Array
  /** Empty where there is none; 64 (Ed25519), 114 (Ed448) or 80 (X25519) bytes. */
  readonly authorization: Uint8Array
}

const none = new Uint8Array(0)

/**
 * Writes a command as a transmission of this session. An X25519 key needs the server's, which version 1 has not.
 * @throws EncodeError for a value that the command cannot hold
 */
export function authorizeNtf(
  end: NtfClientEnd,
  { corrId, entityId, command, key }: NtfAuthorizing,
): NtfAuthorizedTransmission {
  const authorized = writeAuthorized(end, corrId, entityId, (w) => ntfCommandFormat(end.version).write(w, command))
  const authorization = key ? authorizationBy(key, end.serverKey, corrId, authorized).auth : none
  return { transmission: joinNtfTransmission(end, authorization, authorized), authorized, authorization }
}

/** What of a received command its authorization is about. */
export interface NtfAuthorized {
  readonly corrId: Uint8Array
  readonly authorization: Pick<Authorization, 'kind' | 'auth'> | null
  readonly authorized: Uint8Array
}

/**
 * Whether the key authorized the command. Takes as long when there is no such key (`undefined`) or when it is of another
 * kind than the authorization: then a constant key is tried.
 */
export function checkNtfAuthorization(
  end: Pick<NtfServerEnd, 'sessionKey' | 'version'>,
  { corrId, authorization, authorized }: NtfAuthorized,
  key: AuthKey | undefined,
): boolean {
  // An authenticator needs a key of the server, which version 1 does not have, whatever stood in the hello.
  const usable = key?.is('x25519') && !has(end.version, 'sessionKey') ? undefined : key
  return authorization !== null && authorizedBy(usable, end.sessionKey, authorization, corrId, authorized)
}
