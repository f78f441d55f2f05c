// Spec 04, 06 §3–§6: the server without its sockets.
import { constantTimeEqual, sha256 } from '@smpkit/crypto'
import { toMapKey } from '@smpkit/encoding'
import type { BlockConnection, BlockedInfo, BrokerMessage, ServerSession, ServiceRole } from '@smpkit/smp-commands'
import { Client } from './client.js'
import { every, guarded } from './clock.js'
import { internal } from './commands/call.js'
import { scheduledMessage } from './deliveries.js'
import { expireMessages } from './messages.js'
import { Notifications } from './notifications.js'
import { type BrokerOptions, type Settings, settingsOf } from './options.js'
import { type Id, idBytes } from './queue.js'
import { Relays } from './relays.js'
import type { Store } from './store.js'
import { Subscriptions } from './subscriptions.js'

/** How much there is of everything. */
export interface Statistics {
  readonly queues: number
  readonly messages: number
  readonly notifications: number
  readonly services: number
  readonly connections: number
  /** Connections to relays. */
  readonly relays: number
  /** Queues, notifiers and services that somebody is subscribed to. */
  readonly subscriptions: { readonly queues: number; readonly notifiers: number; readonly services: number }
}

/** How a connection ends. */
interface Ends {
  /** When what was sent to it has been written. */
  readonly close: () => Promise<void>
  /** At once. */
  readonly drop: () => void
}

const utf8 = new TextEncoder()

export class Broker {
  readonly settings: Settings
  readonly subscriptions: Subscriptions
  readonly notifications: Notifications
  readonly relays: Relays
  /** With what ends each of them. */
  readonly #clients = new Map<Client, Ends>()
  readonly #timers: (() => void)[]
  #connections = 0

  constructor(
    readonly store: Store,
    options: BrokerOptions,
  ) {
    const settings = settingsOf(options)
    this.settings = { ...settings, clock: guarded(settings.clock, (error) => this.fault(error)) }
    const { clock, endDelay, expirationInterval, notificationExpirationInterval, idleDisconnect } = this.settings
    this.subscriptions = new Subscriptions(store, clock, endDelay)
    this.notifications = new Notifications(store, this.subscriptions, this.settings)
    this.relays = new Relays(this.settings)
    this.#timers = [
      every(clock, expirationInterval, () => this.#expireMessages()),
      every(clock, notificationExpirationInterval, () => this.notifications.expire()),
    ]
    if (idleDisconnect > 0) this.#timers.push(every(clock, idleDisconnect / 6, () => this.#disconnectIdle()))
  }

  /** `drop` ends the connection at once. */
  connect(connection: BlockConnection<ServerSession>, drop: () => void): Client {
    const { service } = connection.session
    const number = this.#connections++
    const client: Client = new Client(connection.session, {
      service: (service && this.store.services.get(toMapKey(service.serviceId))) ?? null,
      now: () => this.settings.clock.now(),
      log: (direction, tag, entityId) =>
        this.settings.log?.({ connection: number, direction, tag, entityId: entityId.slice() }),
      send: (content) => connection.send(content),
      message: (recipientId) => this.#message(client, recipientId),
    })
    this.#clients.set(client, { close: () => connection.close(), drop })
    return client
  }

  disconnect(client: Client): void {
    this.#clients.delete(client)
    client.outgoing.end()
    client.proxying.end()
    this.subscriptions.disconnect(client)
  }

  /** Ends all connections at once. */
  async dropConnections(): Promise<void> {
    const ending = [...this.#clients].map(([client, { close, drop }]) => {
      this.disconnect(client)
      // Closed first: that it ends is in order.
      const closed = close()
      drop()
      return closed
    })
    await Promise.all(ending)
  }

  /** Ends all connections; what was sent to them is still written. */
  async #closeConnections(): Promise<void> {
    const closing = [...this.#clients].map(([client, { close }]) => {
      this.disconnect(client)
      return close()
    })
    await Promise.all(closing)
  }

  /** For the handshake: the id of a service, `null` if its certificate was used in another role. */
  serviceId({ role, certHash }: { role: ServiceRole; certHash: Uint8Array }): Uint8Array | null {
    const service = this.store.serviceOf(role, toMapKey(certHash), this.settings.maxServices)
    return service && idBytes(service.serviceId)
  }

  /** Constant time, as far as one can guess from it. */
  isPassword(given: string | null): boolean {
    const { password } = this.settings
    if (password === null) return true
    return given !== null && constantTimeEqual(sha256(utf8.encode(given)), sha256(utf8.encode(password)))
  }

  isFullySubscribed(client: Client): boolean {
    return client.subscriptionCount >= this.settings.maxSubscriptionsPerConnection
  }

  /** Reports a fault of ours, which the client sees as `ERR INTERNAL`. */
  fault(error: unknown): BrokerMessage {
    try {
      this.settings.onError(error)
    } catch {
      // A fault of the caller's must not become one of the connection.
    }
    return internal
  }

  /** `false`: no such queue. */
  block(recipientId: Uint8Array, info: BlockedInfo): boolean {
    const queue = this.store.queues.get(toMapKey(recipientId))
    if (queue) queue.status = info
    return queue !== undefined
  }

  statistics(): Statistics {
    let messages = 0
    let notifications = 0
    for (const queue of this.store.queues.values()) {
      messages += queue.messages.length
      notifications += queue.notifier?.notifications.length ?? 0
    }
    return {
      queues: this.store.queues.size,
      messages,
      notifications,
      services: this.store.services.size,
      connections: this.#clients.size,
      relays: this.relays.count,
      subscriptions: this.subscriptions.counts,
    }
  }

  async close(): Promise<void> {
    for (const cancel of this.#timers) cancel()
    this.subscriptions.close()
    this.notifications.close()
    await Promise.all([this.#closeConnections(), this.relays.close()])
  }

  #message(client: Client, recipientId: Id): Uint8Array | null {
    try {
      return scheduledMessage(this.store, client, recipientId)
    } catch (error) {
      return client.event(recipientId, this.fault(error))
    }
  }

  #expireMessages(): void {
    const { clock, messageTtl } = this.settings
    for (const queue of this.store.queues.values()) {
      if (queue.messages.length > 0) expireMessages(queue, clock.now(), messageTtl)
    }
  }

  #disconnectIdle(): void {
    const oldest = this.settings.clock.now() - this.settings.idleDisconnect
    for (const [client, { close }] of this.#clients) {
      const subscribed = client.subscriptionCount > 0 || this.subscriptions.hasService(client)
      if (!subscribed && client.lastActivity < oldest) void close()
    }
  }
}
