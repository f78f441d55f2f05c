// An SMP server on a port.
import type { BlockedInfo } from '@smpkit/smp-commands'
import { type ServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'
import { createServerIdentity, listenSmp, type ServerIdentity, type SmpServerSocket } from '@smpkit/smp-transport'
import { Broker, type Statistics } from './broker.js'
import { serve } from './connection.js'
import type { SmpServerOptions } from './options.js'
import type { ServerState } from './server-state.js'
import { Store } from './store.js'

/** A server that accepts connections, until `stop`. */
export class SmpServer implements AsyncDisposable {
  readonly #broker: Broker
  readonly #socket: SmpServerSocket
  readonly #password: string | null
  readonly identity: ServerIdentity
  readonly address: ServerAddress

  /** Use `startSmpServer`. */
  constructor(broker: Broker, socket: SmpServerSocket, identity: ServerIdentity, host: string) {
    this.#broker = broker
    this.#socket = socket
    this.#password = broker.settings.password
    this.identity = identity
    this.address = socket.address(host)
  }

  get port(): number {
    return this.#socket.port
  }

  /** `smp://<key hash>@<host>:<port>` */
  get addressText(): string {
    return serverAddressToText(this.address)
  }

  /** The same with the password, if there is one: it is a secret then. */
  get addressTextWithPassword(): string {
    return serverAddressToText({ ...this.address, password: this.#password })
  }

  statistics(): Statistics {
    return this.#broker.statistics()
  }

  /** Blocks a queue, by its recipient id, as an operator does; `false`: there is no such queue. */
  block(recipientId: Uint8Array, info: BlockedInfo): boolean {
    return this.#broker.block(recipientId, info)
  }

  /** Cuts all connections of clients at once, also of those that do not read, and keeps on listening. */
  dropConnections(): Promise<void> {
    return this.#broker.dropConnections()
  }

  /** Ends all connections. What it returns starts the next server with `startSmpServer({ state })`. */
  async stop(): Promise<ServerState> {
    await Promise.all([this.#broker.close(), this.#socket.close()])
    return { identity: this.identity, store: this.#broker.store }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** All interfaces: that is where to listen, not where to connect to. */
const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'

/** Starts a server; it is ready when the promise settles. @throws SmpTransportError `NETWORK`, `CERTIFICATE` */
export async function startSmpServer(options: SmpServerOptions = {}): Promise<SmpServer> {
  const {
    host = '127.0.0.1',
    port = 0,
    state,
    versionRange,
    maxConnections = 10_000,
    maxConnectionsPerAddress,
  } = options
  const identity = options.identity ?? state?.identity ?? createServerIdentity({ commonName: host })
  const broker = new Broker(state?.store ?? new Store(), options)
  try {
    const socket = await listenSmp({
      identity,
      host,
      port,
      maxConnections,
      maxConnectionsPerAddress: maxConnectionsPerAddress ?? maxConnections,
      ...(versionRange && { versionRange }),
      serviceId: (service) => broker.serviceId(service),
      // What it throws ends the connection at once.
      onConnection: (connection) => serve(broker, connection),
    })
    return new SmpServer(broker, socket, identity, isWildcard(host) ? '127.0.0.1' : host)
  } catch (error) {
    await broker.close()
    throw error
  }
}
