// How the phone and its notification server talk: one implementation for each protocol.
import type { PrivateAuthKey, PublicKey } from '@smpkit/crypto'
import type { FrontDoor } from '@smpkit/notification-server'
import type { PushProvider } from '@smpkit/push-providers'
import type { ParsedServerAddress } from '@smpkit/smp-commands/address'
import type { Pushes } from './pushes.js'
import type { Report } from './report.js'

export interface WayOptions {
  readonly server: ParsedServerAddress
  readonly report: Report
  readonly pushes: Pushes
  readonly signal: AbortSignal
}

/** What the notification server needs for it, and the phone's connection. */
export interface Way extends AsyncDisposable {
  /** For the start of the walk. */
  readonly facts: Readonly<Record<string, string>>
  readonly door: FrontDoor
  readonly providers: readonly PushProvider[]
  /** When the notification server is up. */
  connect(): Promise<Link>
}

/** The phone's connection to the notification server. */
export interface Link extends AsyncDisposable {
  /** `dhKey`: the phone's, for the secret of its pushes. A code is pushed. */
  register(dhKey: PublicKey<'x25519'>): Promise<Token>
}

/** A push token that is registered. */
export interface Token {
  /** The server's, for the secret of its pushes. */
  readonly dhKey: PublicKey<'x25519'>
  verify(code: Uint8Array): Promise<void>
  /** Settles when the notification server is subscribed to the queue's notifications. */
  subscribe(queue: { readonly notifierId: Uint8Array; readonly notifierKey: PrivateAuthKey }): Promise<void>
}
