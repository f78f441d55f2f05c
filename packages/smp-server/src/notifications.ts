// Spec 04 §7.1, §7.2: notifications wait for their subscriber, and are sent in one go at each tick.
import { randomBytes } from '@smpkit/crypto'
import { encryptNmsgMeta } from '@smpkit/smp-commands'
import type { Client } from './client.js'
import { toSeconds } from './messages.js'
import type { Settings } from './options.js'
import { idBytes, type Message, type Notifier, type Service } from './queue.js'
import type { Store } from './store.js'
import type { Subscriptions } from './subscriptions.js'

export class Notifications {
  /** Notifiers with something to send and someone to send it to. */
  readonly #ready = new Set<Notifier>()
  #timer: (() => void) | undefined
  readonly #store: Store
  readonly #subscriptions: Subscriptions
  readonly #settings: Settings

  constructor(store: Store, subscriptions: Subscriptions, settings: Settings) {
    this.#store = store
    this.#subscriptions = subscriptions
    this.#settings = settings
  }

  /** Stores a notification of this message. */
  add(notifier: Notifier, { id, ts }: Message): void {
    const nonce = randomBytes(24)
    const encMeta = encryptNmsgMeta(notifier.secret, nonce, { msgId: idBytes(id), ts })
    notifier.notifications.push({ nonce, encMeta, ts })
    if (notifier.notifications.length > this.#settings.maxStoredNotifications) notifier.notifications.shift()
    this.wake(notifier)
  }

  /** There is something to send, or someone to send it to. */
  wake(notifier: Notifier): void {
    if (notifier.notifications.length === 0 || !this.#subscriptions.ofNotifier(notifier)) return
    this.#ready.add(notifier)
    this.#arm()
  }

  wakeService({ queues }: Service): void {
    for (const { notifier } of queues) if (notifier) this.wake(notifier)
  }

  /** Removes those older than their time to live. */
  expire(): void {
    const oldest = toSeconds(this.#settings.clock.now()) - toSeconds(this.#settings.notificationTtl)
    for (const { notifier } of this.#store.queues.values()) {
      if (!notifier || notifier.notifications.length === 0) continue
      notifier.notifications = notifier.notifications.filter(({ ts }) => ts >= oldest)
    }
  }

  close(): void {
    this.#timer?.()
  }

  #arm(): void {
    this.#timer ??= this.#settings.clock.schedule(() => this.#tick(), this.#settings.notificationTick)
  }

  #tick(): void {
    this.#timer = undefined
    const lists = new Map<Client, Uint8Array[]>()
    for (const notifier of this.#ready) {
      const client = this.#receiver(notifier)
      if (client && !client.outgoing.hasRoom) continue
      this.#ready.delete(notifier)
      if (!client) continue
      const list = lists.get(client) ?? []
      lists.set(client, list)
      for (const { nonce, encMeta } of notifier.notifications) {
        list.push(client.event(notifier.notifierId, { tag: 'NMSG', nonce, encMeta }))
      }
      notifier.notifications = []
    }
    for (const [client, list] of lists) client.outgoing.add(list)
    if (this.#ready.size > 0) this.#arm()
  }

  /** Nobody where the notifier was deleted meanwhile. */
  #receiver(notifier: Notifier): Client | undefined {
    const exists = this.#store.ofNotifier(notifier.notifierId)?.notifier === notifier
    return exists ? this.#subscriptions.ofNotifier(notifier) : undefined
  }
}
