// Spec 30 §6, 21 A6: what a notification server asks of a push provider. Pure: no I/O, nothing of Node.
import type { NotificationData, PushKind } from './notification-data.js'

/** What became of one push. A provider says it; it does not throw for the expected. */
export type PushOutcome =
  /** The provider took the push over. It may still never reach the device. */
  | { readonly outcome: 'accepted' }
  /**
   * Not now: the connection, the provider's load, its limits. `afterMs` is the least delay that it asked for, 0 for none. `all`: the
   * same would happen to every push to the destination, as with refused credentials: they all wait, and none of them counts as tried.
   */
  | { readonly outcome: 'retry'; readonly afterMs: number; readonly reason: string; readonly all?: boolean }
  /** The device token is dead: no push will ever reach it. */
  | { readonly outcome: 'gone'; readonly reason: string }
  /** This push will never be accepted, which says nothing about the device token. */
  | { readonly outcome: 'refused'; readonly reason: string }

/** One attempt to wake a device. */
export interface Push {
  /** The same for all attempts that carry the same, another otherwise; at most 64 characters of base64url. */
  readonly id: string
  readonly kind: PushKind
  /** The canonical text that `readToken` gave. */
  readonly token: string
  /** When the device token was registered, in milliseconds: a provider's "gone since" before that is out of date. */
  readonly registeredAt: number
  /** Opaque, for the device. A provider adds its own envelope. */
  readonly notificationData: NotificationData
}

/**
 * Sends pushes to devices.
 *
 * - `send` MUST settle with an outcome for everything that can be expected: answers of the provider, refused or lost
 *   connections, time-outs, a token that it does not like. It MUST NOT reject for these, and MUST NOT retry by itself,
 *   but for one attempt on a fresh connection where the first surely did not reach the provider, or with fresh credentials where
 *   the old ones were refused.
 * - `send` MUST NOT answer `gone` unless the provider said that this very token is dead: misconfiguration, a payload
 *   that is too large, expired credentials are `refused` or `retry`.
 * - After its `signal` aborts, `send` MUST settle soon, with `retry` unless the outcome is known, and MUST free what
 *   the push held.
 * - `send` MUST NOT wait for other pushes for more than it needs to keep the provider's own limits; up to
 *   `maxConcurrent` calls MUST be able to be in flight at once, and none of them may delay the others. (The caller adapts how many it
 *   really sends to what is accepted and what is not.)
 * - It MUST NOT change or look into `notificationData`, and MUST NOT put it, tokens or secrets into reasons, errors or
 *   logs. Reasons MUST be short words from a small set: they become metric labels.
 * - `close` MUST end the pushes in flight as an abort does, free all connections and timers, and settle; it MAY be
 *   called again. `send` after `close` MUST settle with `retry`.
 */
export interface PushProvider extends AsyncDisposable {
  /** The name by which clients choose it: `apns_prod`, `fcm`, `webpush`, `webhook`, `console`. */
  readonly name: string
  /** What a client has to know to get a device token: `vapidKey`, `projectId` or `topic`. */
  readonly about?: Readonly<Record<string, string>>
  /** How many pushes may be in flight at once; may change with the provider's answers. At least 1. */
  readonly maxConcurrent: number
  /**
   * The one canonical text of a device token that came from a client: two texts are equal exactly if they mean the same
   * device. Its own result is such a token too. Does no I/O.
   * @throws DeviceTokenError
   */
  readToken(token: unknown): string
  /**
   * Where pushes to this device go, for providers whose clients choose it: the origin of its endpoint. A destination that is slow or away
   * delays no other one. Without it there is one destination. Takes the canonical text, does no I/O.
   */
  destinationOf?(token: string): string
  send(push: Push, options: { readonly signal: AbortSignal }): Promise<PushOutcome>
  close(): Promise<void>
}
