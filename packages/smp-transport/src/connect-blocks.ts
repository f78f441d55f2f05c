// Spec 03 §1, §2: the client's end of a connection, for any protocol that exchanges blocks.
import { lookup } from 'node:dns/promises'
import { isIP, SocketAddress } from 'node:net'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { CertificateError, checkServerChain } from '@smpkit/crypto'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { Host } from '@smpkit/smp-commands/address'
import { BlockChannel, type ChannelOptions } from './block-channel.js'
import { throwIfAborted, within } from './deadline.js'
import { SmpTransportError, socketError } from './errors.js'
import { type Handshake, performHandshake } from './handshake.js'
import { defaultHighWaterMark, type TlsCredentials, type TlsFacts, tlsFacts, tlsParameters } from './tls-options.js'

export interface ConnectionOptions extends ChannelOptions {
  signal?: AbortSignal | undefined
  /** For one address: resolving its name, and then TCP and TLS. Milliseconds, default 15 000. */
  connectTimeout?: number
  /** For the handshake after TLS. Milliseconds, default 15 000. */
  handshakeTimeout?: number
  /**
   * Asked for each address after the name is resolved, in its usual spelling: `::1`, and `127.0.0.1` for
   * `::ffff:7f00:1`. The connection goes to exactly this IP address.
   */
  allowAddress?: (ip: string) => boolean
  /** All IP addresses of a name; IP addresses themselves are read by the system. Default: the system's. */
  lookup?: (host: string) => Promise<readonly string[]>
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
 * Connects to the first address that works: hosts in their order without `.onion` (03 §1 "public"), and each of a host's
 * addresses, until ten failed. The server is who the fingerprint says before anything is sent.
 * @throws SmpTransportError
 */
export async function connectBlocks<S>(options: ConnectBlocksOptions<S>): Promise<BlockConnection<S>> {
  const { signal } = options
  throwIfAborted(signal)
  const context = credentialsContext(options.credentials)
  const errors: SmpTransportError[] = []
  for (const host of options.hosts) {
    if (errors.length >= maxFailures) break
    // Without a proxy such a name would only be shown to the name servers.
    if (host.type === 'onion') continue
    for (const ip of (await attempt(() => resolve(host, options), errors)) ?? []) {
      const connection = await attempt(() => connectTo(ip, context, options), errors)
      if (connection) return connection
      if (errors.length >= maxFailures) break
    }
  }
  throw summary(errors)
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

function summary(errors: readonly SmpTransportError[]): SmpTransportError {
  const last = errors.at(-1)
  if (!last) return new SmpTransportError('HOST', 'expected a host that can be reached without a proxy')
  if (errors.length === 1) return last
  const codes = errors.map(({ code }) => code).join(', ')
  const temporary = errors.some((error) => error.temporary)
  return new SmpTransportError(last.code, `${errors.length} names and addresses failed: ${codes}`, {
    temporary,
    errors,
  })
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

async function systemLookup(host: string): Promise<string[]> {
  const addresses = await lookup(host, { all: true, verbatim: true })
  return addresses.map(({ address }) => address)
}

async function resolve<S>(host: Host, options: ConnectBlocksOptions<S>): Promise<readonly string[]> {
  const { connectTimeout = 15_000, signal } = options
  const lookup = (!isIP(host.text) && options.lookup) || systemLookup
  const deadline = { what: `resolving ${host.text}`, milliseconds: connectTimeout, signal }
  return within(deadline, async () => {
    try {
      const addresses = await lookup(host.text)
      if (addresses.length > 0) return addresses
    } catch (cause) {
      throw socketError(cause as Error)
    }
    throw new SmpTransportError('NETWORK', `expected addresses of ${host.text}, got none`)
  })
}

/** The usual spelling, IPv4 also where IPv6 contains it: an address that is not allowed has no other name. */
function usualSpelling(address: string): string {
  if (isIP(address) !== 6) return address
  const [ip = '', zone] = address.split('%')
  const usual = new SocketAddress({ address: ip, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '')
  return zone === undefined ? usual : `${usual}%${zone}`
}

async function connectTo<S>(
  address: string,
  context: SecureContext,
  options: ConnectBlocksOptions<S>,
): Promise<BlockConnection<S>> {
  const { connectTimeout = 15_000, handshakeTimeout = 15_000, signal, allowAddress } = options
  const ip = usualSpelling(address)
  // A name would be resolved again, to an address that nobody was asked about.
  if (!isIP(ip)) throw new SmpTransportError('NETWORK', 'expected IP addresses from the look-up, got something else')
  if (allowAddress && !allowAddress(ip.replace(/%.*/, '')))
    throw new SmpTransportError('REFUSED_ADDRESS', `${ip} is not allowed`)
  const { channel, facts } = await within(
    { what: `connecting to ${ip}`, milliseconds: connectTimeout, signal },
    (cancelled) => openTls(ip, context, options, cancelled),
  )
  return performHandshake(channel, facts, options.handshake, {
    what: `the handshake with ${ip}`,
    milliseconds: handshakeTimeout,
    signal,
  })
}

/** TCP, TLS and the check of the server's certificates. */
function openTls<S>(
  ip: string,
  context: SecureContext,
  options: ConnectBlocksOptions<S>,
  cancelled: AbortSignal,
): Promise<{ channel: BlockChannel; facts: TlsFacts }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: ip,
      port: options.port,
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
    socket.on('close', () => reject(new SmpTransportError('CLOSED', `${ip} ended the connection before TLS was done`)))
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
