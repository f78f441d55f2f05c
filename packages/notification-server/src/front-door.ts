// Design.md §2: the ways for clients into the notification server. All of them share its tokens, subscriptions and outbox.
import type { PushProvider } from '@smpkit/push-providers'
import type { Answers } from './answers.js'
import type { Clients } from './clients.js'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import type { Logger } from './logger.js'
import type { Subscriptions } from './subscriptions.js'
import type { Tokens } from './tokens.js'

/** What a front door does its work with. Owners are its own names for its clients. */
export interface Core {
  readonly tokens: Tokens
  readonly subscriptions: Subscriptions
  readonly clients: Clients
  readonly answers: Answers
  readonly providers: readonly PushProvider[]
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * - `start` MUST take up what an earlier process owed to clients, and serve them from then on. It MAY reject; then the server does not
 *   start.
 * - What a client is told MUST be in the store before.
 * - Bytes of a client MUST NOT end anything but that client's own request or connection.
 * - `close` MUST end all work of the door, and settle when none of it uses the core any more. It MAY be called without `start`.
 */
export interface FrontDoor {
  readonly name: string
  start(core: Core): Promise<void>
  /** A client of `Core.clients` is to be let go; its rows are deleted after that. */
  drop?(owner: string): Promise<void>
  close(): Promise<void>
}
