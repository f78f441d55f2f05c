// Spec 30 §5, §6: the notification server as a library object; front doors call it for their owners.
import type { PushProvider } from '@smpkit/push-providers'
import { Answers } from './answers.js'
import { Clients } from './clients.js'
import { type Clock, systemClock } from './clock.js'
import { RowCounter, type RowCounts, type RowEvents } from './counted-store.js'
import type { Core, FrontDoor } from './front-door.js'
import { Intake } from './intake.js'
import { defaultLimits, type Limits } from './limits.js'
import { errorKind, type Logger, silent } from './logger.js'
import { Maintenance } from './maintenance.js'
import { Outbox, type OutboxMetrics } from './outbox.js'
import { createPoolSubscriber, type NotifierService, type PoolSubscriberOptions } from './pool-subscriber.js'
import type { PushReport } from './push-sender.js'
import type { DeadLetter } from './rows.js'
import type { Received, ServerStatus } from './server-state.js'
import { isKeptUp, Servers } from './servers.js'
import { type NotificationStore, pagesOf } from './store.js'
import type { SmpSubscriber } from './subscriber.js'
import { Subscriptions } from './subscriptions.js'
import { Tokens } from './tokens.js'

export interface NotificationServerOptions {
  /** The SMP side; closed with the server. Default: one with `smp`. */
  readonly subscriber?: SmpSubscriber
  /** How SMP servers are connected to. */
  readonly smp?: Omit<PoolSubscriberOptions, 'service'>
  /** Whether SMP servers get to see a service certificate, each its own: they can subscribe all its queues at once. Default true. */
  readonly serviceCertificates?: boolean
  /** What the server keeps; stays open when the server is closed, so that another one can go on with it. */
  readonly store: NotificationStore
  /** By their names; stay open. */
  readonly providers: readonly PushProvider[]
  /** How clients come in, besides by calls of this object; closed with the server. Default: none. */
  readonly doors?: readonly FrontDoor[]
  readonly limits?: Partial<Limits>
  readonly logger?: Logger
  readonly clock?: Clock
  /** 0..1 (exclusive), for jitter and spreading. */
  readonly random?: () => number
  /** Told of every attempt to push. */
  readonly onPush?: (report: PushReport) => void
}

export interface NotificationServerStatus extends RowCounts {
  readonly servers: readonly ServerStatus[]
  readonly pushes: { readonly inFlight: number; readonly owed: number }
}

/** What happened since the start, and how things are: read without the store, as often as one likes. */
export interface NotificationServerMetrics extends RowCounts {
  readonly events: RowEvents
  /** Notifications since the start. */
  readonly received: Received
  /** Events of SMP servers that are not in the store yet. */
  readonly backlog: number
  readonly outbox: OutboxMetrics
  readonly servers: readonly ServerStatus[]
}

export interface NotificationServer extends AsyncDisposable {
  readonly tokens: Pick<Tokens, 'add' | 'verify' | 'replace' | 'setPeriod' | 'get' | 'remove'>
  readonly subscriptions: Pick<Subscriptions, 'add' | 'get' | 'list' | 'remove' | 'removeAll'>
  status(): Promise<NotificationServerStatus>
  metrics(): NotificationServerMetrics
  /** The newest pushes that were given up. */
  deadLetters(limit?: number): Promise<readonly DeadLetter[]>
  /** Settles when the server has ended: `undefined` after `close`, else why, as when another process has taken the store. */
  readonly closed: Promise<Error | undefined>
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
  const { providers, doors = [], clock = systemClock, logger = silent, random = Math.random } = options
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const counter = new RowCounter()
  const store = counter.watch(options.store)
  const { smp, serviceCertificates = true } = options
  const service = serviceCertificates
    ? (key: string): Promise<NotifierService | null> => servers.service(key)
    : undefined
  const subscriber: SmpSubscriber =
    options.subscriber ??
    createPoolSubscriber({
      maxConnecting: limits.serversConnecting,
      clock,
      random,
      ...smp,
      ...(service && { service }),
    })
  const servers = new Servers({ store, subscriber, clock, logger, random })
  const outbox = new Outbox({ store, providers, clock, limits, logger, random, onPush: options.onPush })
  const tokens = new Tokens({ store, providers, servers, outbox, clock, limits })
  const subscriptions = new Subscriptions({ store, servers, tokens, outbox, clock, limits })
  const answers = new Answers(store, clock, limits)
  const clients = new Clients({ store, servers, answers, clock, limits })
  const intake = new Intake({
    store,
    subscriber,
    servers,
    outbox,
    clock,
    limits,
    logger,
    random,
    answered: (answers) => subscriptions.answered(answers),
  })
  const maintenance = new Maintenance({
    store,
    servers,
    outbox,
    clock,
    limits,
    logger,
    answers,
    clients,
    forget: (ids, where) => tokens.forget(ids, where),
    oweOverdueChecks: () => intake.oweOverdueChecks(),
    drop: async (owner) => {
      for (const door of doors) await door.drop?.(owner)
    },
  })
  const core: Core = { tokens, subscriptions, clients, answers, providers, limits, clock, logger }

  let received: Promise<boolean> | undefined
  let started = false
  let settle = (_why: Error | undefined) => {}
  const closed = new Promise<Error | undefined>((resolve) => {
    settle = resolve
  })

  async function end(): Promise<void> {
    // A store that another process has taken must not be worked for: the sockets go first, whatever else is to be ended.
    const sockets = [subscriber.close(), ...doors.map((door) => door.close())]
    intake.stopRetrying()
    await Promise.all(sockets)
    subscriptions.close()
    await maintenance.close()
    const complete = await received
    await servers.close()
    await outbox.close()
    if (!started || !complete) return
    await store.swapClean(true).catch((error) => logger.error({ error: errorKind(error) }, 'the end was not stored'))
  }

  let closing: Promise<void> | undefined
  const close = (why?: Error) => {
    closing ??= end().finally(() => settle(why))
    return closing
  }

  try {
    const clean = await store.swapClean(false)
    for await (const rows of pagesOf(store, 'tokens')) counter.addTokens(rows)
    await servers.restore(clean)
    await outbox.restore()
    received = intake.run()
    for await (const rows of pagesOf(store, 'subscriptions')) {
      counter.addSubscriptions(rows)
      servers.resume(rows.filter(isKeptUp))
    }
    servers.resumed()
    for (const door of doors) await door.start(core)
    maintenance.start()
    started = true
  } catch (error) {
    await close(error as Error)
    throw error
  }
  void store.closed.then((why) => close(why ?? new Error('the store was closed')))

  return {
    tokens,
    subscriptions,
    closed,
    status: async () => ({ ...counter.counts, servers: servers.list(), pushes: outbox.activity }),
    metrics: () => ({
      ...counter.counts,
      events: counter.events,
      received: intake.received,
      backlog: subscriber.backlog ?? 0,
      outbox: outbox.metrics,
      servers: servers.list(),
    }),
    deadLetters: (limit = 100) => store.deadLetters(limit),
    close: () => close(),
    [Symbol.asyncDispose]: () => close(),
  }
}
