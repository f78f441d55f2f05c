// Ends of a connection that say whatever a test wants.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type ConnectionOptions, connect, createSecureContext, TLSSocket } from 'node:tls'
import { PrivateKey } from '@smpkit/crypto'
import { pad } from '@smpkit/encoding'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { tlsParameters } from '@smpkit/smp-transport/internal'
import { serverHandshake } from '../server-handshake.js'
import { ntfBlockSize, ntfVersions } from '../versions.js'
import { cleanUpLater } from './cleanup.js'
import { identity } from './ntf-server.js'

export const block = (content: Uint8Array): Uint8Array => pad(content, ntfBlockSize)

export const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value)

/** A client's hello in its block. */
export const hello = ({ keyHash }: ServerAddress, version = 3): Uint8Array =>
  block(Uint8Array.of(0, version, keyHash.length, ...keyHash))

/** Resolves when the other end has ended the connection. */
export function ended(socket: Socket): Promise<void> {
  socket.resume()
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))
}

/** A client that has done nothing but TLS. */
export async function openTls(address: ServerAddress, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(address.port),
    secureContext: createSecureContext(tlsParameters()),
    ALPNProtocols: ['ntf/1'],
    servername: '',
    rejectUnauthorized: false,
    ...options,
  })
  cleanUpLater(() => socket.destroy())
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed before TLS was done')))
  })
  return socket
}

/** A server that does `serve` with each connection after TLS. */
export async function startTls(serve: (socket: TLSSocket) => void): Promise<ServerAddress> {
  const context = createSecureContext(tlsParameters(identity))
  const sockets = new Set<Socket>()
  const server = createServer((raw) => {
    sockets.add(raw)
    raw.on('error', () => {})
    const socket = new TLSSocket(raw, { isServer: true, secureContext: context, ALPNProtocols: ['ntf/1'] })
    socket.on('error', () => {})
    socket.once('secure', () => serve(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUpLater(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { hosts: [{ type: 'ipv4', text: '127.0.0.1' }], port: String(port), keyHash: identity.fingerprint }
}

/** The hello of an honest server on this connection, in its block. */
export function honestHello(
  socket: TLSSocket,
  { sessionId, versionRange = ntfVersions }: HelloChanges = {},
): Uint8Array {
  const { serverHello } = serverHandshake({
    alpn: true,
    sessionId: sessionId ?? new Uint8Array(socket.getPeerFinished() ?? []),
    leafPrivateKey: identity.privateKey,
    sessionPrivateKey: PrivateKey.generate('x25519'),
    keyHash: identity.fingerprint,
    versionRange,
  })
  return block(serverHello)
}

interface HelloChanges {
  readonly sessionId?: Uint8Array
  readonly versionRange?: { readonly min: number; readonly max: number }
}

/** A server that shakes hands, and then does `serve` when the first block of commands has come. */
export function startAfterHello(serve: (socket: TLSSocket) => void): Promise<ServerAddress> {
  return startTls((socket) => {
    let received = 0
    socket.write(honestHello(socket))
    socket.on('data', ({ length }) => {
      const before = received
      received += length
      if (before < 2 * ntfBlockSize && received >= 2 * ntfBlockSize) serve(socket)
    })
  })
}

/** The error of a promise that must reject. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string; temporary?: boolean }> {
  return promise.then(
    () => {
      throw new Error('expected a rejection')
    },
    (error) => error,
  )
}
