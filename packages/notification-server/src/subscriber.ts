// Spec 30 §6, 04 §7: what the notification server needs of the SMP side. `pool-subscriber.ts` makes it from a pool.
import type { PrivateAuthKey } from '@smpkit/crypto'
import type { ServerAddress } from '@smpkit/smp-commands/address'

/** One queue's notifier. */
export interface Notifier {
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
  /** Of our service, which the server counted the queue to earlier: `NSUBS` subscribes all of these. Default: `NSUB`. */
  readonly serviceId?: Uint8Array | null
  /** The queue is known to be subscribed, and not by a service: that it is so again is no news. */
  readonly isKnown?: boolean
}

/** `server` is the key hash in base64url everywhere: a server is that, whatever its hosts are called. */
export type SubscriberEvent =
  /** The answer to `NSUB` was `OK` or `SOK`, in the present session; `SOK` may name our service, which the queue is counted to then. */
  | {
      readonly type: 'subscribed'
      readonly server: string
      readonly notifierId: Uint8Array
      readonly serviceId: Uint8Array | null
    }
  /**
   * It was an error that is no passing one, `AUTH` or another word, or the address may not be connected to, `address refused`; the queue
   * is not tried again.
   */
  | { readonly type: 'refused'; readonly server: string; readonly notifierId: Uint8Array; readonly code: string }
  | {
      readonly type: 'notification'
      readonly server: string
      readonly notifierId: Uint8Array
      readonly nonce: Uint8Array
      readonly encMeta: Uint8Array
    }
  /** `END` in the present session: another client subscribed. The queue is not tried again. */
  | { readonly type: 'ended'; readonly server: string; readonly notifierId: Uint8Array }
  /** `DELD`. */
  | { readonly type: 'deleted'; readonly server: string; readonly notifierId: Uint8Array }
  /**
   * `ENDS`: another connection has taken the queues of the service, and what it was told of them we never hear. They are subscribed
   * again, one by one, and `settled` comes after that.
   */
  | { readonly type: 'serviceEnded'; readonly server: string }
  /** A session begins, that of a service or not. */
  | { readonly type: 'up'; readonly server: string; readonly serviceId: Uint8Array | null }
  /** All queues of the server were answered in the present session; may come more than once. */
  | { readonly type: 'settled'; readonly server: string }
  /** A session ended, `orderly` if we closed it, or an attempt to begin one failed, which is orderly too. */
  | { readonly type: 'down'; readonly server: string; readonly orderly: boolean; readonly reason: string }

/**
 * Keeps queues subscribed over reconnections, one by one wherever the server does not want, or does not know, our service.
 *
 * - A server is its key hash: it MUST have one session at most, whatever its addresses are.
 * - Notifications, `ended` and `deleted` of a server MUST come in the order in which the server sent them. `up` MUST come
 *   before `settled` of its session, and every session that did not end orderly MUST be told of by a `down`, before the
 *   `up` of the next one. Notifications and `deleted` MAY come after their session; `ended` of an earlier session MUST NOT come
 *   after a `subscribed` of a later one.
 * - `events` is iterated once. It gives what has come so far as one array, never an empty one. It MUST NOT drop events:
 *   when its buffer is full, it stops reading from the servers.
 * - After `close`, `events` MUST still give what was received before, and then end.
 */
export interface SmpSubscriber extends AsyncDisposable {
  readonly events: AsyncIterable<readonly SubscriberEvent[]>
  /** How many events wait to be taken: the first sign of a stall (24 §3 W24). */
  readonly backlog?: number
  /**
   * Sends `NSUB` as soon as it can, also for queues that are subscribed. Those with a `serviceId` MUST be all that the server counts to it:
   * with any others it is to be asked for each.
   */
  subscribe(server: ServerAddress, notifiers: readonly Notifier[]): void
  /** Forgets queues; no command is sent. */
  unsubscribe(server: ServerAddress, notifierIds: readonly Uint8Array[]): void
  /** The next session with this key hash begins at this address. */
  move(server: ServerAddress): void
  /** Whether a server with this key hash answers the handshake at this address. Never rejects. */
  probe(server: ServerAddress): Promise<boolean>
  /** Ends all sessions orderly. */
  close(): Promise<void>
}
