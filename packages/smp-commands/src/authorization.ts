// Spec 04 §3, 02 §4: authorizing commands, and checking the authorizations.
import {
  type AuthKey,
  authenticate,
  type PrivateAuthKey,
  type PrivateKey,
  PublicKey,
  sign,
  verify,
  verifyAuthenticator,
} from '@smpkit/crypto'
import { concat, equalBytes, fromBase64url, Writer } from '@smpkit/encoding'
import { type Command, type CommandTag, commandFormat, definitionOf } from './commands.js'
import { cmd, type ErrorType } from './error-type.js'
import type { ClientSession, ServerSession, ServiceSession, SmpSession } from './session.js'
import { type Authorization, type AuthorizationKind, joinTransmission, writeBody } from './transmission.js'

/** What is needed to authorize a command. */
export interface Authorizing {
  readonly corrId: Uint8Array
  /** Empty where the command has none. */
  readonly entityId: Uint8Array
  readonly command: Command
  /** The private key of the party; `null` for commands that must not or need not be authorized. */
  readonly key: PrivateAuthKey | null
}

/** A command ready to be sent, and how it came about. */
export interface AuthorizedTransmission {
  readonly transmission: Uint8Array
  readonly authorized: Uint8Array
  readonly authorization: Authorization | null
}

type ClientEnd = SmpSession & Pick<ClientSession, 'serverKey' | 'service'>

/** Writes a command as a transmission of this session. `SUBS` and `NSUBS` are signed with the session's service key. */
export function authorize(session: ClientEnd, { corrId, entityId, command, key }: Authorizing): AuthorizedTransmission {
  const writer = new Writer()
  writer.shortBytes(session.sessionId)
  const start = writer.length
  writeBody(writer, corrId, entityId, (w) => commandFormat(session.version).write(w, command))
  const authorized = writer.view()
  const authorization = makeAuthorization(session, command.tag, key, corrId, authorized)
  const auth = authorization?.auth ?? new Uint8Array(0)
  const signature = authorization?.serviceSignature ?? null
  const transmission = joinTransmission(session.version, auth, signature, writer.view(start))
  return { transmission, authorized, authorization }
}

function makeAuthorization(
  session: ClientEnd,
  tag: CommandTag,
  key: PrivateAuthKey | null,
  corrId: Uint8Array,
  authorized: Uint8Array,
): Authorization | null {
  const part = definitionOf(tag).service
  const service = part === 'none' ? null : session.service
  const signer = part === 'gives' ? (service?.sessionKey ?? key) : key
  if (!signer) return null
  const covered = service && part === 'adds' ? concat(service.certHash, authorized) : authorized
  const serviceSignature = service && part === 'adds' ? sign(service.sessionKey, authorized) : null
  return { ...authorizationBy(signer, session.serverKey, corrId, covered), serviceSignature }
}

/** An authorization of `covered` by a key of any kind; an X25519 key needs that of the server. */
export function authorizationBy(
  signer: PrivateAuthKey,
  serverKey: PublicKey<'x25519'> | null,
  corrId: Uint8Array,
  covered: Uint8Array,
): Pick<Authorization, 'kind' | 'auth'> {
  if (signer.is('x25519') && serverKey) {
    return { kind: 'authenticator', auth: authenticate(signer, serverKey, corrId, covered) }
  }
  if (!signer.is('ed25519', 'ed448')) throw new TypeError('expected a key that can authorize in this session')
  return { kind: signer.algorithm, auth: sign(signer, covered) }
}

/** A command that a server read, with what is needed to check its authorization. */
export interface AuthorizedCommand {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  readonly command: Command
  readonly authorization: Authorization | null
  readonly authorized: Uint8Array
}

type ServerEnd = Pick<ServerSession, 'sessionKey'> & { readonly service: ServiceSession<PublicKey<'ed25519'>> | null }

/**
 * Checks all that does not depend on the entity: the role of a service session, and the service's signature (04 §3, 06
 * §5.1). `null`: nothing is wrong.
 */
export function checkService(session: ServerEnd, received: AuthorizedCommand): ErrorType | null {
  const { role, service: part } = definitionOf(received.command.tag)
  const { service } = session
  const { authorization, authorized, entityId } = received
  const signature = authorization?.serviceSignature ?? null
  if (service && role && service.role !== role) return cmd('PROHIBITED')
  if (part === 'gives') {
    const valid =
      service !== null &&
      signature === null &&
      authorization?.kind === 'ed25519' &&
      equalBytes(entityId, service.serviceId) &&
      verify(service.sessionKey, authorized, authorization.auth)
    return valid ? null : { code: 'SERVICE' }
  }
  if ((signature !== null) !== (service !== null && part === 'adds')) return { code: 'SERVICE' }
  if (service && signature && !verify(service.sessionKey, authorized, signature)) return { code: 'SERVICE' }
  return null
}

/**
 * Whether the entity's key authorized the command. Takes as long when there is no such key (`undefined`) or when it is
 * of another kind than the authorization: then a constant key is tried.
 */
export function checkAuthorization(session: ServerEnd, received: AuthorizedCommand, key: AuthKey | undefined): boolean {
  const { authorization, authorized, command, corrId } = received
  if (!authorization) return false
  const { service } = session
  const covered =
    service && definitionOf(command.tag).service === 'adds' ? concat(service.certHash, authorized) : authorized
  return authorizedBy(key, session.sessionKey, authorization, corrId, covered)
}

/** Whether `authorization` is of `covered` by `key`; takes as long without a key and with one of another kind. */
export function authorizedBy(
  key: AuthKey | undefined,
  sessionKey: PrivateKey<'x25519'>,
  { kind, auth }: Pick<Authorization, 'kind' | 'auth'>,
  corrId: Uint8Array,
  covered: Uint8Array,
): boolean {
  const algorithm = kind === 'authenticator' ? 'x25519' : kind
  const matches = key?.algorithm === algorithm
  const tried = matches ? key : dummyKeys[kind]
  const valid = tried.is('x25519')
    ? verifyAuthenticator(tried, sessionKey, corrId, covered, auth)
    : verify(tried as PublicKey<'ed25519' | 'ed448'>, covered, auth)
  return valid && matches
}

/** Both checks for a command that one key authorizes. `null`: nothing is wrong. */
export function checkCommand(
  session: ServerEnd,
  received: AuthorizedCommand,
  key: AuthKey | undefined,
): ErrorType | null {
  const error = checkService(session, received)
  if (error) return error
  const { auth, service } = definitionOf(received.command.tag)
  if (auth === 'absent' || service === 'gives') return null
  return checkAuthorization(session, received, key) ? null : { code: 'AUTH' }
}

/** Keys that no one has: public in the protocol, for checks that must take their time. */
const dummyKeys: Record<AuthorizationKind, AuthKey> = {
  ed25519: dummy('MCowBQYDK2VwAyEA139Oqs4QgpqbAmB0o7rZf6T19ryl7E65k4AYe0kE3Qs='),
  ed448: dummy('MEMwBQYDK2VxAzoA6ibQc9XpkSLtwrf7PLvp81qW_etiumckVFImCMRdftcG_XopbOSaq9qyLhrgJWKOLyNrQPNVvpMA'),
  authenticator: dummy('MCowBQYDK2VuAyEA4JGSMYht18H4mas_jHeBwfcM7jLwNYJNOAhi2_g4RXg='),
}

function dummy(der: string): AuthKey {
  return PublicKey.fromDer(fromBase64url(der)) as AuthKey
}
