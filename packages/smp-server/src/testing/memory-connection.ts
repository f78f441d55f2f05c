// Both ends of a connection without a socket, with the session that a handshake would have made.
import { dh, PrivateKey, randomBytes } from '@smpkit/crypto'
import type { BlockConnection, ClientSession, ServerSession, ServiceRole, SmpVersion } from '@smpkit/smp-commands'

class MemoryEnd<S> implements BlockConnection<S>, AsyncIterator<Uint8Array, undefined> {
  peer: MemoryEnd<unknown> | undefined
  readonly closed: Promise<Error | undefined>
  /** Set: `send` does not settle, as if the peer did not read. */
  stalled = false
  readonly #inbox: Uint8Array[] = []
  #taker: ((result: IteratorResult<Uint8Array, undefined>) => void) | undefined
  #isClosed = false
  #settle: (error: Error | undefined) => void = () => {}
  #stalledSends: (() => void)[] = []

  constructor(readonly session: S) {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  send(content: Uint8Array): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('closed'))
    this.peer?.receive(new Uint8Array(content))
    return this.stalled ? new Promise((resolve) => this.#stalledSends.push(resolve)) : Promise.resolve()
  }

  /** Blocks that nobody has taken. */
  get waiting(): number {
    return this.#inbox.length
  }

  /** The peer reads again. */
  resume(): void {
    this.stalled = false
    for (const resolve of this.#stalledSends.splice(0)) resolve()
  }

  receive(content: Uint8Array): void {
    const taker = this.#taker
    this.#taker = undefined
    if (taker) taker({ value: content, done: false })
    else this.#inbox.push(content)
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = this.#inbox.shift()
    if (value) return Promise.resolve({ value, done: false })
    if (this.#isClosed) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => {
      this.#taker = resolve
    })
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#settle(undefined)
      this.#taker?.({ value: undefined, done: true })
      this.resume()
      void this.peer?.close()
    }
    return Promise.resolve()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

export interface TestService {
  readonly role: ServiceRole
  readonly serviceId: Uint8Array
  readonly certHash: Uint8Array
}

export function memoryConnection(version: SmpVersion, service: TestService | null = null) {
  const sessionId = randomBytes(32)
  const serverKey = PrivateKey.generate('x25519')
  const clientKey = PrivateKey.generate('x25519')
  const serviceKey = PrivateKey.generate('ed25519')
  const serverEnd = new MemoryEnd<ServerSession>({
    version,
    sessionId,
    sessionKey: serverKey,
    sessionSecret: dh(serverKey, clientKey.publicKey),
    proxyServer: false,
    service: service && { ...service, sessionKey: serviceKey.publicKey },
  })
  const clientEnd = new MemoryEnd<ClientSession>({
    version,
    sessionId,
    serverKey: serverKey.publicKey,
    sessionSecret: dh(clientKey, serverKey.publicKey),
    service: service && { ...service, sessionKey: serviceKey },
  })
  serverEnd.peer = clientEnd
  clientEnd.peer = serverEnd
  return { serverEnd, clientEnd }
}
