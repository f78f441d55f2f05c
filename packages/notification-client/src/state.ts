// Spec 23 §2: what a client has to remember, and how an application stores it.
import type { DeviceToken } from '@smpkit/service-protocol/notification'

/**
 * A few small JSON values by their keys, of this client alone: rows of a table, or files. The device's key is among them: keep them where the
 * agent's store is. `put` and `remove` MUST be durable when they settle. A client and `wakeUp` MAY use the same one at the same time.
 */
export interface ClientState {
  get(key: string): Promise<unknown>
  put(key: string, value: unknown): Promise<void>
  remove(key: string): Promise<void>
  /** All of them. */
  list(): Promise<readonly (readonly [key: string, value: unknown])[]>
}

/** For tests, and for a device that registers anew at each start. */
export function memoryState(): ClientState {
  const values = new Map<string, string>()
  return {
    async get(key) {
      const text = values.get(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    put: async (key, value) => void values.set(key, JSON.stringify(value)),
    remove: async (key) => void values.delete(key),
    list: async () => [...values].map(([key, text]) => [key, JSON.parse(text)] as const),
  }
}

/** What a notification server pushes to. */
export interface Device {
  /** `webpush`, `webhook`, `fcm`, `apns_prod` and so on. */
  readonly provider: string
  readonly token: DeviceToken
}

/** Our connection to the notification server. */
export interface ServiceRecord {
  readonly address: string
  /** Only this connection has it: one that was joined right before a crash is found by it. Servers see it apart from the others, too. */
  readonly userId: string
  readonly connection: string | null
  /** Milliseconds since 1970. */
  readonly joinedAt: number
  /** It is of no use any more, and to be deleted with all that the server had of us. */
  readonly isLeaving: boolean
}

/** The server of `ntf://` that the device's token is at. */
export interface NtfRecord {
  readonly address: string
  /** The token is of no use any more, and to be deleted. */
  readonly isLeaving: boolean
}

/** A token that a server of `ntf://` has not deleted yet. */
export interface DeletionRecord {
  readonly address: string
  readonly authKey: string
  /** Milliseconds since 1970. */
  readonly since: number
}

/**
 * `instant`: a push for each message. `periodic`: the device is woken now and then to look; neither the notification server nor SMP servers know
 * which queues it has.
 */
export type NotificationMode = 'instant' | 'periodic'

/** Bytes are base64url. */
export interface DeviceRecord {
  readonly device: Device
  /** X25519, as DER; written before the server gets the public one. */
  readonly key: string
  /** Ed25519, as DER: authorizes the commands to a server of `ntf://`. */
  readonly authKey: string
  /** What the server has; `null` before it has answered. */
  readonly token: { readonly id: string; readonly dhKey: string; readonly device: Device } | null
  /** The code came back: pushes of messages come. */
  readonly isActive: boolean
  /** As it was told last, in minutes; `null` where it may be another one. */
  readonly period: number | null
  /** The secret of the registration before: what it pushed last may still be on its way. */
  readonly formerSecret: string | null
}

/** What the server was told of a connection. */
export interface QueueRecord {
  readonly notifierId: string
  /** Of the SMP server's key. */
  readonly keyHash: string
  /** Of the subscription. */
  readonly id: string
}

export function isQueueRecord(value: unknown): value is QueueRecord {
  const { notifierId, keyHash, id } = (value ?? {}) as Partial<QueueRecord>
  return [notifierId, keyHash, id].every((field) => typeof field === 'string')
}

/** Typed access; each has one key, but for those of connections. */
export class Records {
  readonly service: Slot<ServiceRecord>
  readonly device: Slot<DeviceRecord>
  /** A verification push, as it came, until its code was sent back. */
  readonly push: Slot<unknown>
  /** Connections that were left, whose last events are still to come. */
  readonly left: Slot<readonly string[]>
  readonly queues: Slots<QueueRecord>
  /** Connections whose notifier is being replaced: notifications are to be on afterwards. */
  readonly renewals: Slots<true>
  readonly ntf: Slot<NtfRecord>
  readonly mode: Slot<NotificationMode>
  /** Connections whose notifications are off for as long as the mode is `periodic`. */
  readonly paused: Slots<true>
  /** By the token's id. */
  readonly deletions: Slots<DeletionRecord>

  constructor(state: ClientState) {
    const slot = <T>(key: string) => new Slot<T>(state, key)
    this.service = slot('service')
    this.ntf = slot('ntf')
    this.mode = slot('mode')
    this.paused = new Slots(state, 'paused ')
    this.deletions = new Slots(state, 'deletion ')
    this.device = slot('device')
    this.push = slot('push')
    this.left = slot('left')
    this.queues = new Slots(state, 'queue ')
    this.renewals = new Slots(state, 'renewal ')
  }
}

export class Slot<T> {
  constructor(
    readonly state: ClientState,
    readonly key: string,
  ) {}

  get(): Promise<T | undefined> {
    return this.state.get(this.key) as Promise<T | undefined>
  }

  put(value: T): Promise<void> {
    return this.state.put(this.key, value)
  }

  remove(): Promise<void> {
    return this.state.remove(this.key)
  }
}

export class Slots<T> {
  constructor(
    readonly state: ClientState,
    readonly prefix: string,
  ) {}

  async all(): Promise<Map<string, T>> {
    const all = await this.state.list()
    const own = all.filter(([key]) => key.startsWith(this.prefix))
    return new Map(own.map(([key, value]) => [key.slice(this.prefix.length), value as T]))
  }

  put(name: string, value: T): Promise<void> {
    return this.state.put(this.prefix + name, value)
  }

  remove(name: string): Promise<void> {
    return this.state.remove(this.prefix + name)
  }
}
