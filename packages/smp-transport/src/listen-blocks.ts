// Spec 03 §1, §2: the server's end of connections, for any protocol that exchanges blocks.
import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { CertificateError, checkClientChain } from '@smpkit/crypto'
import type { BlockConnection } from '@smpkit/smp-commands'
import { Admission, type AdmissionLimits } from './admission.js'
import { BlockChannel, type ChannelOptions } from './block-channel.js'
import { within } from './deadline.js'
import { SmpTransportError, socketError } from './errors.js'
import { type Handshake, performHandshake } from './handshake.js'
import { defaultHighWaterMark, type TlsCredentials, type TlsFacts, tlsFacts, tlsParameters } from './tls-options.js'

export interface ConnectionInfo {
  /** The peer's IP address. */
  readonly remoteAddress: string
}

export interface ListeningOptions<S> extends ChannelOptions, AdmissionLimits {
  /** Default: all interfaces. */
  host?: string | undefined
  /** Default 0: any that is free. */
  port?: number | undefined
  /** For TLS. Milliseconds, default 60 000. */
  tlsTimeout?: number
  /** For the handshake after TLS. Milliseconds, default 60 000. */
  handshakeTimeout?: number
  /** The clock for the dates of clients' certificates. */
  now?: () => Date
  /** Bytes that a socket buffers in each direction. Default 262 144. */
  highWaterMark?: number
  /** Takes over the connection. What it throws, also later by its promise, ends the connection and goes to `onError`. */
  onConnection(connection: BlockConnection<S>, info: ConnectionInfo): void | Promise<void>
  /** Connections that failed before or by `onConnection`, also those that a limit refused. For logs and counters. */
  onError?(error: SmpTransportError): void
}

export interface ListenBlocksOptions<S> extends ListeningOptions<S> {
  credentials: TlsCredentials
  blockSize: number
  /** The first of a client's list that is here is chosen; a client that offers only others is refused. */
  alpnProtocols: readonly string[]
  /** Whether clients are asked for a certificate, which they need not have. Default: yes. */
  requestCertificate?: boolean
  handshake: Handshake<S>
}

export interface BlockServer extends AsyncDisposable {
  /** Where it listens. */
  readonly host: string
  readonly port: number
  /** Ends all connections: what was sent is written if that takes no longer than a second. */
  close(): Promise<void>
}

/** How long connections have to write what was sent when the server closes, in milliseconds. */
const closingTime = 1000

/** @throws SmpTransportError `NETWORK`, `CERTIFICATE` */
export async function listenBlocks<S>(options: ListenBlocksOptions<S>): Promise<BlockServer> {
  const context = serverContext(options)
  const admission = new Admission(options)
  const channels = new Set<BlockChannel>()
  const onError = (error: unknown) => options.onError?.(asTransportError(error))

  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
    const refusal = admission.enter(socket)
    if (refusal !== undefined) {
      socket.destroy()
      return onError(new SmpTransportError('LIMIT', refusal))
    }
    // Where it was Admission that ended it, the reason is its own.
    serve(socket, context, options, channels, () => admission.finish(socket)).catch((e) => onError(socket.errored ?? e))
  })
  await listen(server, options)
  // Such as too many open files: the next client may be luckier.
  server.on('error', (cause) => onError(socketError(cause)))
  const { address: host, port } = server.address() as { address: string; port: number }

  const end = async () => {
    const ended = new Promise<void>((resolve) => server.close(() => resolve()))
    admission.destroyUnfinished()
    const flushed = Array.from(channels, (channel) => channel.close())
    const timer = setTimeout(() => admission.destroyAll(), closingTime)
    await Promise.all([ended, ...flushed])
    clearTimeout(timer)
  }
  let ending: Promise<void> | undefined
  const close = () => {
    ending ??= end()
    return ending
  }
  return { host, port, close, [Symbol.asyncDispose]: close }
}

function serverContext<S>({ credentials }: ListenBlocksOptions<S>): SecureContext {
  try {
    return createSecureContext(tlsParameters(credentials))
  } catch (cause) {
    throw new SmpTransportError('CERTIFICATE', 'expected usable certificates and their key', { cause })
  }
}

function listen<S>(server: Server, { host, port = 0 }: ListenBlocksOptions<S>): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(socketError(cause))
    server.once('error', fail)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

function asTransportError(cause: unknown): SmpTransportError {
  if (cause instanceof SmpTransportError) return cause
  return new SmpTransportError('CLOSED', 'the connection was given up', { cause })
}

/** From TCP to the hand-over. */
async function serve<S>(
  socket: Socket,
  context: SecureContext,
  options: ListenBlocksOptions<S>,
  channels: Set<BlockChannel>,
  finish: () => void,
): Promise<void> {
  const remoteAddress = socket.remoteAddress ?? ''
  const { tlsTimeout = 60_000, handshakeTimeout = 60_000 } = options
  const { channel, facts } = await within(
    { what: 'TLS with a client', milliseconds: tlsTimeout, signal: undefined },
    (cancelled) => acceptTls(socket, context, options, cancelled),
  )
  channels.add(channel)
  void channel.closed.then(() => channels.delete(channel))
  const connection = await performHandshake(channel, facts, options.handshake, {
    what: 'the handshake with a client',
    milliseconds: handshakeTimeout,
    signal: undefined,
  })
  finish()
  try {
    await options.onConnection(connection, { remoteAddress })
  } catch (cause) {
    const error = asTransportError(cause)
    channel.fail(error)
    throw error
  }
}

/**
 * TLS and the check of the client's certificates. A socket of its own rather than `tls.Server`, which has no option for
 * the sockets' highWaterMark.
 */
function acceptTls<S>(
  raw: Socket,
  secureContext: SecureContext,
  options: ListenBlocksOptions<S>,
  cancelled: AbortSignal,
): Promise<{ channel: BlockChannel; facts: TlsFacts }> {
  return new Promise((resolve, reject) => {
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext,
      // A client certificate is checked by 03 §2.1, not by OpenSSL; there may be none.
      requestCert: options.requestCertificate ?? true,
      rejectUnauthorized: false,
      ALPNCallback: ({ protocols }) => protocols.find((protocol) => options.alpnProtocols.includes(protocol)),
      // Known to Node 20, not to its types.
      ...({ highWaterMark: options.highWaterMark ?? defaultHighWaterMark } as object),
    })
    const fail = (error: SmpTransportError) => {
      socket.destroy()
      reject(error)
    }
    cancelled.addEventListener('abort', () => socket.destroy())
    // What happens to it happens to the socket around it.
    raw.on('error', () => {})
    // Node reports a broken record after the handshake only so, except to `tls.Server`: without, the socket stays open.
    socket.on('_tlsError', (error: Error) => socket.destroy(error))
    socket.on('error', (error) => fail(socketError(error)))
    socket.on('close', () => reject(new SmpTransportError('CLOSED', 'the client ended the connection during TLS')))
    socket.once('secure', () => {
      try {
        // Now, not in a later task: no event of the socket may be missed.
        resolve({ facts: checkedFacts(socket, options), channel: new BlockChannel(socket, options.blockSize, options) })
      } catch (error) {
        fail(error as SmpTransportError)
      }
    })
  })
}

/** @throws SmpTransportError `CERTIFICATE` */
function checkedFacts<S>(socket: TLSSocket, { now }: ListenBlocksOptions<S>): TlsFacts {
  const facts = tlsFacts(socket, 'server')
  try {
    checkClientChain(facts.peerChain, now?.())
    return facts
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause
    throw new SmpTransportError('CERTIFICATE', cause.message, { cause })
  }
}
