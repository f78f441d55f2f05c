// Spec 04 §8: the relays that this proxy is connected to, for all its clients.
import { toMapKey } from '@smpkit/encoding'
import type { ErrorType } from '@smpkit/smp-commands'
import { type ServerAddress, serverKey } from '@smpkit/smp-commands/address'
import type { Settings } from './options.js'
import type { Id } from './queue.js'
import { Relay } from './relay.js'
import { network, RelayError, relayError } from './relay-errors.js'

/** Failures to connect that are remembered; strangers choose the addresses. */
const maxFailures = 1000

export class Relays {
  readonly #settings: Settings
  readonly #connecting = new Map<string, Promise<Relay>>()
  /** The one used longest ago first. */
  readonly #byServer = new Map<string, Relay>()
  readonly #bySession = new Map<Id, Relay>()
  readonly #failures = new Map<string, { error: ErrorType; at: number }>()
  readonly #ending = new AbortController()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  get count(): number {
    return this.#byServer.size
  }

  /** The relay of a session id that was given out in `PKEY`, if it is still connected. */
  ofSession(sessionId: Id): Relay | undefined {
    return this.#bySession.get(sessionId)
  }

  /** Connects, or gives the connection that there is. @throws RelayError, and what is no fault of the relay */
  async connect(server: ServerAddress): Promise<Relay> {
    const key = serverKey(server)
    const known = this.#byServer.get(key)
    if (known) {
      this.#byServer.delete(key)
      this.#byServer.set(key, known)
      return known
    }
    const connecting = this.#connecting.get(key) ?? this.#start(key, server)
    return connecting
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled(this.#connecting.values())
    await Promise.all([...this.#byServer.values()].map((relay) => relay.close()))
  }

  #start(key: string, server: ServerAddress): Promise<Relay> {
    const failure = this.#failures.get(key)
    const age = failure && this.#settings.clock.now() - failure.at
    // Negative: the clock was set back, and nobody knows how long ago that was.
    if (failure && age !== undefined && age >= 0 && age < this.#settings.proxy.errorCache) {
      throw new RelayError(failure.error)
    }
    this.#failures.delete(key)
    this.#makeRoom()
    const connecting = this.#connect(key, server).finally(() => this.#connecting.delete(key))
    this.#connecting.set(key, connecting)
    return connecting
  }

  async #connect(key: string, server: ServerAddress): Promise<Relay> {
    const relay = await this.#attempt(key, server)
    if (this.#ending.signal.aborted) {
      await relay.close()
      throw new RelayError(network)
    }
    const sessionId = toMapKey(relay.session.sessionId)
    this.#byServer.set(key, relay)
    this.#bySession.set(sessionId, relay)
    void relay.closed.then(() => this.#forget(key, sessionId, relay))
    return relay
  }

  #forget(key: string, sessionId: Id, relay: Relay): void {
    this.#bySession.delete(sessionId)
    if (this.#byServer.get(key) === relay) this.#byServer.delete(key)
  }

  async #attempt(key: string, server: ServerAddress): Promise<Relay> {
    try {
      return await Relay.connect(server, this.#settings, this.#ending.signal)
    } catch (cause) {
      if (this.#ending.signal.aborted) throw new RelayError(network)
      const error = relayError(cause)
      if (!error) throw cause
      this.#remember(key, error)
      throw new RelayError(error)
    }
  }

  #remember(key: string, error: ErrorType): void {
    const [oldest] = this.#failures.keys()
    if (oldest !== undefined && this.#failures.size >= maxFailures) this.#failures.delete(oldest)
    this.#failures.set(key, { error, at: this.#settings.clock.now() })
  }

  /** @throws RelayError if all connections are in use */
  #makeRoom(): void {
    if (this.#byServer.size + this.#connecting.size < this.#settings.proxy.maxRelays) return
    for (const [key, relay] of this.#byServer) {
      if (!relay.isIdle) continue
      this.#forget(key, toMapKey(relay.session.sessionId), relay)
      void relay.close()
      return
    }
    throw new RelayError(network)
  }
}
