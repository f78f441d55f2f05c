// Spec 04 §4.4, §6.1: a queue and what belongs to it. There may be many: ids are strings of one character for each byte.
import type { AuthKey } from '@smpkit/crypto'
import type { BlockedInfo, QueueMode } from '@smpkit/smp-commands'

/** An id as key of maps (`toMapKey`). */
export type Id = string

export interface Queue {
  readonly recipientId: Id
  readonly senderId: Id
  recipientKeys: AuthKey[]
  /** Encrypts bodies of `MSG`. */
  readonly secret: Uint8Array
  /** `null`: not secured. */
  senderKey: AuthKey | null
  readonly mode: QueueMode | null
  link: Link | null
  notifier: Notifier | null
  status: 'active' | 'off' | BlockedInfo
  /** The service that receives its messages. */
  service: Service | null
  /** The first one is the next to be delivered. */
  messages: Message[]
  /** `false` from the quota marker until all messages are acknowledged. */
  writable: boolean
}

export interface Link {
  readonly linkId: Id
  readonly fixedData: Uint8Array
  readonly userData: Uint8Array
}

export interface Notifier {
  readonly notifierId: Id
  readonly key: AuthKey
  /** Encrypts the metadata of `NMSG`. */
  readonly secret: Uint8Array
  /** The service that receives its notifications. */
  service: Service | null
  /** Not delivered yet, the oldest first. */
  notifications: Notification[]
}

export interface Notification {
  readonly nonce: Uint8Array
  readonly encMeta: Uint8Array
  /** When it was made, in seconds. */
  readonly ts: number
}

export interface Message {
  readonly id: Id
  /** When it came, in seconds. */
  readonly ts: number
  /** `null`: the marker that the queue was full. */
  readonly body: Uint8Array | null
  readonly notification: boolean
}

/** Who presented a service certificate (03 §5). */
export interface Service {
  readonly serviceId: Id
  readonly role: 'messaging' | 'notifier' | 'proxy'
  /** Of its identity certificate. */
  readonly certHash: Id
  /** Those that the service receives messages of, or notifications, by its role. */
  readonly queues: Set<Queue>
  /** Over their recipient or notifier ids (06 §4). */
  idsHash: Uint8Array
}

/** The bytes of an id. */
export function idBytes(id: Id): Uint8Array {
  const bytes = new Uint8Array(id.length)
  for (let i = 0; i < id.length; i++) bytes[i] = id.charCodeAt(i)
  return bytes
}

/** For the contents of queues: what was read from a block is a view that would keep it alive. */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

export const isContact = (queue: Queue): boolean =>
  queue.mode === 'contact' || (queue.mode === null && queue.senderKey === null)

export const isSecuredMessaging = (queue: Queue): boolean => queue.mode !== 'contact' && queue.senderKey !== null
