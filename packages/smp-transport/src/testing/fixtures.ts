// Servers and clients for tests: honest ones, and ones that say anything.
import { execFileSync } from 'node:child_process'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type ConnectionOptions, createSecureContext, TLSSocket, connect as tlsConnect } from 'node:tls'
import { createCertificate, fingerprint, PrivateKey, parseCertificate, type SigningAlgorithm } from '@smpkit/crypto'
import { pad } from '@smpkit/encoding'
import type { BlockConnection, ServerSession } from '@smpkit/smp-commands'
import type { Host, ServerAddress } from '@smpkit/smp-commands/address'
import { serverHandshake } from '@smpkit/smp-commands/internal'
import { createServerIdentity } from '../identity.js'
import { type ListenOptions, listenSmp, type SmpServerSocket } from '../listen.js'
import { blockSize } from '../smp.js'
import { type TlsCredentials, tlsFacts, tlsParameters } from '../tls-options.js'

export const identity = createServerIdentity()

export const withOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'])
    return true
  } catch {
    return false
  }
})()

const cleanups: (() => Promise<unknown> | unknown)[] = []

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0)) await clean()
}

export const cleanUpLater = (clean: () => Promise<unknown> | unknown): void => void cleanups.push(clean)

export interface Listening {
  server: SmpServerSocket
  address: ServerAddress
  /** The server's end of the next connection. */
  accepted(): Promise<BlockConnection<ServerSession>>
  /** What `onError` got. */
  errors: Error[]
}

export async function startServer(options: Partial<ListenOptions> = {}): Promise<Listening> {
  const waiting: ((c: BlockConnection<ServerSession>) => void)[] = []
  const ready: BlockConnection<ServerSession>[] = []
  const errors: Error[] = []
  const server = await listenSmp({
    identity,
    host: '127.0.0.1',
    onConnection(connection) {
      const next = waiting.shift()
      if (next) next(connection)
      else ready.push(connection)
    },
    onError: (error) => void errors.push(error),
    ...options,
  })
  cleanUpLater(() => server.close())
  const accepted = () =>
    new Promise<BlockConnection<ServerSession>>((resolve) => {
      const connection = ready.shift()
      if (connection) resolve(connection)
      else waiting.push(resolve)
    })
  return { server, address: server.address(), accepted, errors }
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUpLater(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

export const addressOf = (port: number, keyHash = identity.fingerprint): ServerAddress => ({
  hosts: [{ type: 'ipv4', text: '127.0.0.1' }],
  port: String(port),
  keyHash,
})

/** The same server at other hosts. */
export const at = (address: ServerAddress, ...hosts: Host[]): ServerAddress => ({ ...address, hosts })

/** A TCP server that does `serve` with each socket. */
export async function startTcp(serve: (socket: Socket) => void): Promise<ServerAddress> {
  return addressOf(await listen(createServer(serve)))
}

/** A TLS server that does `serve` with each connection: it speaks whatever the test wants. */
export async function startTls(
  serve: (socket: TLSSocket) => void,
  credentials: TlsCredentials = identity,
  onTcp: (socket: Socket) => void = () => {},
): Promise<ServerAddress> {
  const context = createSecureContext(tlsParameters(credentials))
  const server = createServer((raw) => {
    onTcp(raw)
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: context,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['smp/1'],
    })
    socket.on('error', () => {})
    socket.once('secure', () => serve(socket))
  })
  return addressOf(await listen(server))
}

/** A TLS client that has done nothing but TLS. */
export async function openTls(address: ServerAddress, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: Number(address.port),
    secureContext: createSecureContext(tlsParameters()),
    ALPNProtocols: ['smp/1'],
    servername: '',
    rejectUnauthorized: false,
    ...options,
  })
  cleanUpLater(() => socket.destroy())
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('close', () => reject(new Error('closed before TLS was done')))
  })
  return socket
}

/** Resolves when the other end has ended the connection. */
export function ended(socket: Socket): Promise<void> {
  socket.resume()
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))
}

/** The server hello that an honest server with `identity` sends on this connection, as a whole block. */
export function honestHello(socket: TLSSocket, changes: { sessionId?: Uint8Array; min?: number; max?: number } = {}) {
  const { sessionId, alpnProtocol, peerChain } = tlsFacts(socket, 'server')
  const { serverHello } = serverHandshake({
    alpn: alpnProtocol !== null,
    sessionId: changes.sessionId ?? sessionId,
    certChain: [...identity.certChain],
    leafPrivateKey: identity.privateKey,
    sessionPrivateKey: PrivateKey.generate('x25519'),
    keyHash: identity.fingerprint,
    versionRange: { min: changes.min ?? 14, max: changes.max ?? 20 },
    tlsClientChain: peerChain,
    serviceId: () => null,
  })
  return serverHello
}

export const block = (content: Uint8Array): Uint8Array => pad(content, blockSize)

export const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value)

/** A chain of `length` certificates, leaf first, each signed by the next; the second is the identity. */
export function chainOf(
  length: number,
  options: { algorithm?: SigningAlgorithm; notAfter?: Date; wrongSigner?: boolean } = {},
): TlsCredentials & { fingerprint: Uint8Array } {
  const { algorithm = 'ed25519', notAfter, wrongSigner } = options
  const keys = Array.from({ length }, () => PrivateKey.generate(algorithm))
  const certChain: Uint8Array[] = []
  for (let i = length - 1; i >= 0; i--) {
    const issuer = certChain[0]
    certChain.unshift(
      createCertificate({
        subject: `certificate ${i + 1}`,
        ...(issuer && { issuer: parseCertificate(issuer).subject }),
        subjectKey: (keys[i] as PrivateKey<SigningAlgorithm>).publicKey,
        signingKey:
          wrongSigner && i === 0
            ? PrivateKey.generate(algorithm)
            : ((keys[i + 1] ?? keys[i]) as PrivateKey<SigningAlgorithm>),
        ca: i > 0,
        ...(notAfter && i === 0 && { notBefore: new Date(notAfter.getTime() - 1000), notAfter }),
      }),
    )
  }
  const privateKey = keys[0] as PrivateKey<SigningAlgorithm>
  return { certChain, privateKey, fingerprint: fingerprint((certChain[1] ?? certChain[0]) as Uint8Array) }
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

/** The contents that come until the connection ends, or the first `count`. */
export async function take(
  connection: AsyncIterable<Uint8Array>,
  count = Number.POSITIVE_INFINITY,
): Promise<Uint8Array[]> {
  const contents: Uint8Array[] = []
  if (count === 0) return contents
  for await (const content of connection) {
    contents.push(content)
    if (contents.length === count) break
  }
  return contents
}
