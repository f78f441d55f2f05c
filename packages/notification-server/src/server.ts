// Spec 30 §5, §6: the notification server as a library object; front doors call it for their owners.
import type { PushProvider } from '@smpkit/push-providers'
import { type Clock, systemClock } from './clock.js'
import { Intake } from './intake.js'
import { defaultLimits, type Limits } from './limits.js'
import { errorKind, type Logger, silent } from './logger.js'
import { Maintenance } from './maintenance.js'
import { Outbox, type PushReport } from './outbox.js'
import type { DeadLetter } from './rows.js'
import { type ServerStatus, Servers } from './servers.js'
import type { NotificationStore, StoreCounts } from './store.js'
import type { SmpSubscriber } from './subscriber.js'
import { Subscriptions } from './subscriptions.js'
import { Tokens } from './tokens.js'

export interface NotificationServerOptions {
  /** The SMP side; closed with the server. */
  readonly subscriber: SmpSubscriber
  /** What the server keeps; stays open when the server is closed, so that another one can go on with it. */
  readonly store: NotificationStore
  /** By their names; stay open. */
  readonly providers: readonly PushProvider[]
  readonly limits?: Partial<Limits>
  readonly logger?: Logger
  readonly clock?: Clock
  /** 0..1 (exclusive), for jitter and spreading. */
  readonly random?: () => number
  /** Told of every attempt to push. */
  readonly onPush?: (report: PushReport) => void
}

export interface NotificationServerStatus extends StoreCounts {
  readonly servers: readonly ServerStatus[]
  readonly pushes: { readonly inFlight: number; readonly owed: number }
}

export interface NotificationServer extends AsyncDisposable {
  readonly tokens: Pick<Tokens, 'add' | 'verify' | 'replace' | 'setPeriod' | 'get' | 'remove'>
  readonly subscriptions: Pick<Subscriptions, 'add' | 'get' | 'list' | 'remove'>
  status(): Promise<NotificationServerStatus>
  /** The newest pushes that were given up. */
  deadLetters(limit?: number): Promise<readonly DeadLetter[]>
  /**
   * Ends all sessions, stores what they received, aborts pushes in flight (they stay owed) and leaves no timers. Callers have
   * ended their calls before; a wait for an SMP server's answer ends as if its time had passed. A store that fails now is not
   * waited for: the next start is then one after an unclean end.
   */
  close(): Promise<void>
}

/**
 * Starts with what the store says: subscribes all queues, and goes on with what is owed. After an unclean end all active
 * tokens get a check-messages push as well. Rejects if the store does, with everything closed as by `close`.
 */
export async function createNotificationServer(options: NotificationServerOptions): Promise<NotificationServer> {
  const { subscriber, store, providers, clock = systemClock, logger = silent, random = Math.random, onPush } = options
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const servers = new Servers(store, subscriber, clock, logger)
  const outbox = new Outbox({ store, providers, clock, limits, logger, random, onPush })
  const tokens = new Tokens({ store, providers, servers, outbox, clock, limits })
  const subscriptions = new Subscriptions({ store, servers, tokens, outbox, clock, limits })
  const intake = new Intake({
    store,
    subscriber,
    servers,
    outbox,
    clock,
    limits,
    logger,
    random,
    awaited: (id) => subscriptions.awaited(id),
    answered: (answers) => subscriptions.answered(answers),
  })
  const forget: Tokens['forget'] = (ids, where) => tokens.forget(ids, where)
  const oweOverdueChecks = () => intake.oweOverdueChecks()
  const maintenance = new Maintenance({ store, servers, outbox, clock, limits, logger, forget, oweOverdueChecks })

  let received: Promise<boolean> | undefined
  let started = false
  async function end(): Promise<void> {
    subscriptions.close()
    await maintenance.close()
    // First: a subscriber with a full buffer closes only when that is taken from it.
    intake.stopRetrying()
    await subscriber.close()
    await servers.close()
    const complete = await received
    await outbox.close()
    if (!started || !complete) return
    await store.swapClean(true).catch((error) => logger.error({ error: errorKind(error) }, 'the end was not stored'))
  }

  try {
    await servers.restore(await store.swapClean(false))
    await outbox.restore()
    received = intake.run()
    for await (const rows of servers.subscribed()) servers.subscribe(rows)
    maintenance.start()
    started = true
  } catch (error) {
    await end()
    throw error
  }

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= end()
    return closing
  }

  return {
    tokens,
    subscriptions,
    status: async () => ({ ...(await store.counts()), servers: servers.list(), pushes: outbox.activity }),
    deadLetters: (limit = 100) => store.deadLetters(limit),
    close,
    [Symbol.asyncDispose]: close,
  }
}
