// Spec 04 §8, 02 §7: commands that reach a server (the relay) through another one (the proxy), which hides who we are.
import { CryptoError, checkServerChain, dh, PrivateKey, type PublicKey, verifySignedKey } from '@smpkit/crypto'
import { DecodeError, EncodeError, equalBytes, intersect } from '@smpkit/encoding'
import {
  authorize,
  type ClientSession,
  type Command,
  type MessageOf,
  openResponse,
  ParseError,
  packBlock,
  parseBlock,
  type ReceivedMessage,
  receiveMessage,
  type SmpVersion,
  sealTransmission,
  smpVersions,
} from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { newCorrId } from './corr-ids.js'
import { SmpClientError, SmpError, SmpReplyError, unlessAborted } from './errors.js'
import { type Answer, judge, noEntity, type Request, type Requester, type RequestOptions } from './requests.js'

export interface ProxyOptions {
  /** For a proxy that asks for one. */
  password?: string | null
  /**
   * How long the proxy may take for one answer of the relay, connecting to it included, in milliseconds. Default: twice the time-out of
   * ordinary requests.
   */
  timeout?: number
  /** The clock for the dates of certificates. */
  now?: () => Date
}

/** The session between proxy and relay, as far as a client sees it. */
type RelaySession = Pick<ClientSession, 'version' | 'sessionId' | 'serverKey' | 'service'>

const proxiedTimeout = 60_000

/** What the relay takes through a proxy: all else it answers with `CMD PROHIBITED`. */
export type ProxiedCommand = Extract<Command, { tag: 'SEND' | 'SKEY' | 'LKEY' | 'LGET' | 'RSLV' }>

/**
 * A relay behind a proxy. It connects at the first request. Errors tell who answered: `SmpReplyError.from` is `proxy` or
 * `relay`.
 */
export class ProxiedRelay implements Requester {
  readonly #proxy: Requester
  readonly #options: ProxyOptions
  #session: Promise<RelaySession> | undefined

  /** @param proxy a session with the proxy, or a pool's server */
  constructor(
    proxy: Requester,
    readonly address: ServerAddress,
    options: ProxyOptions = {},
  ) {
    this.#proxy = proxy
    this.#options = options
  }

  /**
   * Sends one command and waits for the relay's answer.
   * @throws SmpReplyError; SmpClientError `RELAY` if the relay is not the one of the address, `VERSION`, `LARGE_MSG` if the command does
   *   not fit (16224 bytes with its envelope), and as for requests to a server
   */
  async request<C extends Command>(request: Request<C>, options: RequestOptions = {}): Promise<Answer<C['tag']>> {
    const session = this.#connected()
    try {
      return await this.#forward(await unlessAborted(session, options.signal), request, options)
    } catch (error) {
      if (!isNoSession(error)) throw error
      // The proxy has lost the relay. Once, and only one new session for all who notice.
      if (this.#session === session) this.#session = undefined
      return await this.#forward(await unlessAborted(this.#connected(), options.signal), request, options)
    }
  }

  /**
   * Resolves when the proxy is connected to the relay, as far as it has told. As long as it does not, no command of ours is under way.
   * @throws as `request`
   */
  async connected({ signal }: Pick<RequestOptions, 'signal'> = {}): Promise<void> {
    await unlessAborted(this.#connected(), signal)
  }

  /** One `PRXY` for all who ask. It is not aborted by one of them. */
  #connected(): Promise<RelaySession> {
    if (!this.#session) {
      const session = this.#connect()
      session.catch(() => {
        if (this.#session === session) this.#session = undefined
      })
      this.#session = session
    }
    return this.#session
  }

  async #connect(): Promise<RelaySession> {
    const { password = null, now } = this.#options
    const command = { tag: 'PRXY', server: this.address, basicAuth: password } as const
    const pkey = await this.#ask({ command }, { timeout: this.#options.timeout ?? proxiedTimeout })
    return relaySession(pkey, this.address.keyHash, now?.())
  }

  async #forward<C extends Command>(
    session: RelaySession,
    request: Request<C>,
    options: RequestOptions,
  ): Promise<Answer<C['tag']>> {
    const { corrId = newCorrId() } = request
    const commandKey = PrivateKey.generate('x25519')
    const secret = dh(commandKey, session.serverKey)
    const encTransmission = seal(session, secret, { ...request, corrId })
    const command = {
      tag: 'PFWD',
      fwdVersion: session.version,
      commandKey: commandKey.publicKey,
      encTransmission,
    } as const
    const { signal, timeout = this.#options.timeout ?? proxiedTimeout } = options
    const { encResponse } = await this.#ask({ command, entityId: session.sessionId, corrId }, { signal, timeout })
    const outcome = judge(request, open(session, secret, corrId, encResponse))
    if (outcome.message) return outcome.message as Answer<C['tag']>
    throw outcome.error instanceof SmpReplyError ? new SmpReplyError(outcome.error.reply, 'relay') : outcome.error
  }

  async #ask<C extends Command>(request: Request<C>, options: RequestOptions): Promise<Answer<C['tag']>> {
    try {
      return await this.#proxy.request(request, options)
    } catch (error) {
      throw error instanceof SmpReplyError ? new SmpReplyError(error.reply, 'proxy') : error
    }
  }
}

function isNoSession(error: unknown): boolean {
  if (!(error instanceof SmpReplyError) || error.from !== 'proxy') return false
  return error.reply.code === 'PROXY' && error.reply.inner.code === 'NO_SESSION'
}

/** The checks of 04 §8 (2): the relay's certificates are those of its address, and its key is signed by them. */
export function relaySession(pkey: MessageOf<'PKEY'>, keyHash: Uint8Array, now?: Date): RelaySession {
  const { sessionId, versionRange, certChain, signedKey } = pkey
  const common = intersect(smpVersions, versionRange)
  if (!common) {
    const [ours, theirs] = [smpVersions, versionRange].map(({ min, max }) => `${min}-${max}`)
    throw new SmpClientError('VERSION', `no common SMP version: we speak ${ours}, the relay ${theirs}`)
  }
  return {
    version: common.max as SmpVersion,
    sessionId,
    serverKey: relayKey(certChain, signedKey, keyHash, now),
    service: null,
  }
}

function relayKey(
  certChain: readonly Uint8Array[],
  signedKey: Uint8Array,
  keyHash: Uint8Array,
  now: Date | undefined,
): PublicKey<'x25519'> {
  try {
    const key = verifySignedKey(checkServerChain(certChain, keyHash, now), signedKey)
    if (key.is('x25519')) return key
    throw new SmpClientError('RELAY', `expected an x25519 session key of the relay, got ${key.algorithm}`)
  } catch (cause) {
    if (!(cause instanceof CryptoError || cause instanceof DecodeError)) throw cause
    throw new SmpClientError('RELAY', `the relay is not to be trusted: ${cause.message}`, { cause })
  }
}

function seal(session: RelaySession, secret: Uint8Array, request: Request & { corrId: Uint8Array }): Uint8Array {
  const { command, entityId = noEntity, key = null, corrId } = request
  try {
    const { transmission } = authorize(session, { corrId, entityId, command, key })
    return sealTransmission(secret, corrId, packBlock([transmission]))
  } catch (cause) {
    const isLarge = cause instanceof EncodeError && cause.code === 'LARGE'
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new SmpClientError(isLarge ? 'LARGE_MSG' : 'INVALID', `cannot write ${command.tag}: ${why}`, { cause })
  }
}

/** The relay's answer. @throws SmpClientError `RESPONSE` */
function open(session: RelaySession, secret: Uint8Array, corrId: Uint8Array, encResponse: Uint8Array): ReceivedMessage {
  const bad = (what: string, cause?: unknown) => new SmpClientError('RESPONSE', `${what} from the relay`, { cause })
  try {
    const [transmission, ...more] = parseBlock(openResponse(secret, corrId, encResponse))
    if (!transmission || more.length > 0) throw bad('expected one answer, got several')
    const received = receiveMessage(session, transmission)
    if (!equalBytes(received.corrId, corrId)) throw bad('expected the answer to the command, got another')
    return received
  } catch (cause) {
    if (cause instanceof SmpError) throw cause
    if (!(cause instanceof CryptoError || cause instanceof DecodeError || cause instanceof ParseError)) throw cause
    throw bad('expected an answer that can be read, got none', cause)
  }
}
