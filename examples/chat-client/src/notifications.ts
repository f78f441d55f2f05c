// Spec 30 §5, 23 §4: sees to it that pushes come for the messages of all contacts, if the user wants it.
import path from 'node:path'
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { type NotificationClient, type NotificationStatus, openNotificationClient } from '@smpkit/notification-client'
import type { AgentEvent, SmpAgent } from '@smpkit/smp-agent'
import { type Archive, describeError, printable } from 'example-chat'
import type { Contacts } from './contacts.js'
import {
  type AppleWish,
  clientState,
  type EndpointWish,
  hostOf,
  identityFor,
  loadIdentity,
  type NotificationSettings,
  type NotificationWish,
  settingsOf,
} from './notification-settings.js'
import { newPushKeys, openPushEndpoint } from './push-endpoint.js'
import { deviceFor, openPushes, type Pushes } from './pushes.js'
import { Refusal } from './refusal.js'

export interface NotificationsHost {
  readonly agent: SmpAgent
  readonly archive: Archive
  readonly contacts: Contacts
  note(text: string): void
}

export class Notifications {
  readonly #host: NotificationsHost
  #settings: NotificationSettings | undefined
  #client: NotificationClient | undefined
  #pushes: Pushes | undefined

  constructor(host: NotificationsHost) {
    this.#host = host
  }

  /** `undefined`: they are off. */
  get settings(): NotificationSettings | undefined {
    return this.#settings
  }

  get client(): NotificationClient | undefined {
    return this.#client
  }

  /** What an earlier run has left. */
  async restore(): Promise<void> {
    this.#settings = await settingsOf(this.#host.archive).get('')
  }

  /** Goes on where they are on. Events are to be read after it. */
  async resume(): Promise<void> {
    if (!this.#settings) return
    await this.#open(this.#settings).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
      // What was subscribed stays so.
      this.#host.note(`no push can come: ${error.message}`)
    })
    await this.start(this.#settings)
    await this.#includeAll()
  }

  /** The client alone, for who listens by other means. `wait`: seconds that the notification server may take to answer. */
  async start(settings: NotificationSettings, wait = 15): Promise<NotificationClient> {
    const { agent, archive } = this.#host
    const device = deviceFor(settings)
    const state = clientState(archive)
    const client = await openNotificationClient({ agent, server: settings.address, device, state, wait })
    this.#client = client
    void this.#tell(client)
    return client
  }

  /** @throws Refusal, NotificationClientError `ADDRESS` */
  async on(wish: NotificationWish): Promise<NotificationSettings> {
    if (this.#settings) throw new Refusal('notifications are on: end them by /notifications off first')
    const { archive } = this.#host
    const settings = isOfApple(wish) ? await this.#follow(wish) : await this.#listenAnew(wish)
    try {
      await this.start(settings)
    } catch (error) {
      await this.close()
      throw error
    }
    await settingsOf(archive).put('', 0, settings)
    this.#settings = settings
    await this.#includeAll()
    return settings
  }

  /** The notification server is told, now or later. */
  async off(): Promise<void> {
    if (!this.#settings) throw new Refusal('notifications are off')
    const { agent, archive } = this.#host
    for await (const { connection, notifications } of agent.connections()) {
      if (notifications) await agent.setNotifications(connection, false)
    }
    await this.#client?.unregister()
    await settingsOf(archive).remove('')
    this.#settings = undefined
    await this.close()
  }

  /** Whether the event was about the notification server; then it is acknowledged. */
  async handle(event: AgentEvent): Promise<boolean> {
    return (await this.#client?.handle(event)) === true
  }

  /** A contact whose messages are to be told of. */
  async include(connection: string): Promise<void> {
    if (this.#settings) await this.#host.agent.setNotifications(connection, true)
  }

  async #includeAll(): Promise<void> {
    for (const { connection, state } of this.#host.contacts.all()) {
      if (state === 'connected') await this.include(connection)
    }
  }

  async close(): Promise<void> {
    await this.#pushes?.close()
    this.#pushes = undefined
    await this.#client?.close()
    this.#client = undefined
  }

  readonly #onPush = async (notificationData: unknown) => void (await this.#client?.received(notificationData))

  /** @throws Refusal */
  async #open(settings: NotificationSettings): Promise<void> {
    this.#pushes = await openPushes(settings, this.#onPush).catch((error: unknown) => {
      throw cannotListen(settings, error)
    })
  }

  /** @throws Refusal */
  async #listenAnew(wish: EndpointWish): Promise<NotificationSettings> {
    const { address, provider, host, port, url } = wish
    const first = { address, host, port, keys: newPushKeys(provider), identity: identityFor(wish) }
    const name = hostOf(wish)
    const identity = await loadIdentity(first.identity)
    const endpoint = await openPushEndpoint({ ...first, identity, onPush: this.#onPush }).catch((error: unknown) => {
      throw cannotListen(first, error)
    })
    this.#pushes = endpoint
    return { ...first, port: endpoint.port, origin: url ?? `https://${name}:${endpoint.port}` }
  }

  async #follow({ address, provider, token = toHex(randomBytes(32)), log }: AppleWish): Promise<NotificationSettings> {
    const settings = { address, device: { provider, token }, log: log === undefined ? null : path.resolve(log) }
    await this.#open(settings)
    return settings
  }

  /** The user gets what is new. */
  async #tell(client: NotificationClient): Promise<void> {
    let last: string | undefined
    for await (const status of client.changes()) {
      const news = newsOf(status)
      if (news !== undefined && news !== last) this.#host.note(news)
      last = news ?? last
    }
  }
}

const isOfApple = (wish: NotificationWish): wish is AppleWish => wish.provider.startsWith('apns_')

function cannotListen(settings: object, cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause
  const where = 'host' in settings && 'port' in settings ? ` at ${settings.host}:${settings.port}` : ''
  return new Refusal(`cannot listen${where}: ${describeError(cause)}`, { cause })
}

const isNews = (phase: NotificationStatus['phase']) => phase === 'verifying' || phase === 'ready'

function newsOf(status: NotificationStatus): string | undefined {
  return status.phase !== 'off' && (status.problem || isNews(status.phase)) ? statusText(status) : undefined
}

const phases: Readonly<Record<NotificationStatus['phase'], string>> = {
  connecting: 'the notification server is asked to let us in',
  noDevice: 'there is nowhere to push to',
  registering: 'the notification server is told where to push to',
  verifying: 'a push is on its way, to show that it arrives here',
  subscribing: 'the notification server is told of your contacts',
  ready: 'the notification server watches for messages',
  off: 'off',
}

/** On one line. What servers say is made safe to print. */
export function statusText({ phase, wanted, subscribed, problem }: NotificationStatus): string {
  const why = problem ? `: ${printable(problem.message)}${problem.temporary ? '; it is tried again' : ''}` : ''
  return `notifications: ${phases[phase]} (${subscribed} of ${wanted} contacts)${why}`
}
