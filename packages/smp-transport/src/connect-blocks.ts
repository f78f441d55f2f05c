// Spec 03 §1, §2: the client's end of a connection, for any protocol that exchanges blocks.
import type { Socket } from 'node:net'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { CertificateError, checkServerChain } from '@smpkit/crypto'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { Host } from '@smpkit/smp-commands/address'
import { BlockChannel, type ChannelOptions } from './block-channel.js'
import { throwIfAborted, within } from './deadline.js'
import { SmpTransportError, socketError } from './errors.js'
import { type Handshake, performHandshake } from './handshake.js'
import { socksConnect } from './socks.js'
import { hostsToTry, type TargetOptions, targetsOf } from './targets.js'
import { defaultHighWaterMark, type TlsCredentials, type TlsFacts, tlsFacts, tlsParameters } from './tls-options.js'

export interface ConnectionOptions extends ChannelOptions, TargetOptions {
  /** For the handshake after TLS. Milliseconds, default 15 000. */
  handshakeTimeout?: number
  /** The clock for the dates of certificates. */
  now?: () => Date
  /** Bytes that the socket buffers in each direction. Default 262 144. */
  highWaterMark?: number
}

export interface ConnectBlocksOptions<S> extends ConnectionOptions {
  hosts: readonly Host[]
  port: number
  /** Fingerprint of the server, 32 bytes. */
  keyHash: Uint8Array
  blockSize: number
  alpnProtocols: readonly string[]
  /** What we present in TLS. */
  credentials?: TlsCredentials | undefined
  handshake: Handshake<S>
}

/** Names and addresses that may fail before we give up: strangers who own a name can give it any number. */
const maxFailures = 10

/**
 * Connects to the first address that works: hosts in their order, `.onion` only through a proxy and then first, and each of
 * a host's addresses, until ten failed. The server is who the fingerprint says before anything is sent.
 * @throws SmpTransportError
 */
export async function connectBlocks<S>(options: ConnectBlocksOptions<S>): Promise<BlockConnection<S>> {
  const { signal } = options
  throwIfAborted(signal)
  const context = credentialsContext(options.credentials)
  const errors: SmpTransportError[] = []
  for (const host of hostsToTry(options.hosts, options)) {
    if (errors.length >= maxFailures) break
    for (const target of (await attempt(() => targetsOf(host, options), errors)) ?? []) {
      const connection = await attempt(() => connectTo(target, context, options), errors)
      if (connection) return connection
      if (errors.length >= maxFailures) break
    }
  }
  throw summary(errors, options)
}

/** Notes a failure that another address may not have; throws one that is the answer. */
async function attempt<T>(run: () => Promise<T>, errors: SmpTransportError[]): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof SmpTransportError) || error.code === 'ABORTED' || error.code === 'HANDSHAKE') throw error
    errors.push(error)
    return undefined
  }
}

function summary(errors: readonly SmpTransportError[], { socks }: ConnectionOptions): SmpTransportError {
  const last = errors.at(-1)
  if (!last) {
    const reachable = socks ? `with \`onion: '${socks.onion ?? 'prefer'}'\`` : 'without a proxy'
    return new SmpTransportError('HOST', `expected a host that can be reached ${reachable}`)
  }
  if (errors.length === 1) return last
  const codes = errors.map(({ code }) => code).join(', ')
  // As long as one may work later, what will never work decides nothing.
  const { code, temporary } = errors.findLast((error) => error.temporary) ?? last
  return new SmpTransportError(code, `${errors.length} names and addresses failed: ${codes}`, { temporary, errors })
}

let withoutCredentials: SecureContext | undefined

function credentialsContext(credentials: TlsCredentials | undefined): SecureContext {
  if (credentials) {
    try {
      return createSecureContext(tlsParameters(credentials))
    } catch (cause) {
      throw new SmpTransportError('CERTIFICATE', 'expected a usable certificate and its key', { cause })
    }
  }
  withoutCredentials ??= createSecureContext(tlsParameters())
  return withoutCredentials
}

async function connectTo<S>(
  host: string,
  context: SecureContext,
  options: ConnectBlocksOptions<S>,
): Promise<BlockConnection<S>> {
  const { connectTimeout = 15_000, handshakeTimeout = 15_000, signal, socks, port } = options
  const { channel, facts } = await within(
    { what: `connecting to ${host}`, milliseconds: connectTimeout, signal },
    async (cancelled) => {
      const socket = socks && (await socksConnect(socks, { host, port }, connectTimeout, cancelled))
      return openTls(host, socket, context, options, cancelled)
    },
  )
  return performHandshake(channel, facts, options.handshake, {
    what: `the handshake with ${host}`,
    milliseconds: handshakeTimeout,
    signal,
  })
}

/** TCP unless there is a `tunnel` already, TLS and the check of the server's certificates. */
function openTls<S>(
  host: string,
  tunnel: Socket | undefined,
  context: SecureContext,
  options: ConnectBlocksOptions<S>,
  cancelled: AbortSignal,
): Promise<{ channel: BlockChannel; facts: TlsFacts }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...(tunnel ? { socket: tunnel } : { host, port: options.port }),
      secureContext: context,
      ALPNProtocols: [...options.alpnProtocols],
      // A server that shares its port with a web site would take a name for the web.
      servername: '',
      // The chain is checked below.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      // Not in the types of Node 20, but in its documentation.
      ...({ highWaterMark: options.highWaterMark ?? defaultHighWaterMark } as object),
    })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    const fail = (error: SmpTransportError) => {
      socket.destroy()
      reject(error)
    }
    cancelled.addEventListener('abort', () => socket.destroy())
    socket.on('error', (error) => fail(socketError(error)))
    socket.on('close', () =>
      reject(new SmpTransportError('CLOSED', `${host} ended the connection before TLS was done`)),
    )
    socket.once('secureConnect', () => {
      try {
        // Now, not in a later task: no event of the socket may be missed.
        resolve({ facts: checkedFacts(socket, options), channel: new BlockChannel(socket, options.blockSize, options) })
      } catch (error) {
        fail(error as SmpTransportError)
      }
    })
  })
}

/** @throws SmpTransportError `IDENTITY`, `CERTIFICATE` */
function checkedFacts<S>(socket: TLSSocket, { keyHash, now }: ConnectBlocksOptions<S>): TlsFacts {
  const facts = tlsFacts(socket, 'client')
  try {
    checkServerChain(facts.peerChain, keyHash, now?.())
    return facts
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause
    throw new SmpTransportError(cause.code === 'FINGERPRINT' ? 'IDENTITY' : 'CERTIFICATE', cause.message, { cause })
  }
}
