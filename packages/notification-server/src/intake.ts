// Spec 30 §6: events of the SMP side become rows. What has come at once is one transaction, whatever the servers (24 §3 W19).
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import { errorKind, type Logger } from './logger.js'
import type { Outbox } from './outbox.js'
import { freshRow } from './outbox-rules.js'
import { applyQueueEvents, keyOfQueue, type QueueEffects, type QueueEvent } from './queue-events.js'
import { plus, type Received } from './server-state.js'
import type { Servers } from './servers.js'
import type { NotificationStore } from './store.js'
import type { SmpSubscriber, SubscriberEvent } from './subscriber.js'

export interface IntakeOptions {
  readonly store: NotificationStore
  readonly subscriber: SmpSubscriber
  readonly servers: Servers
  readonly outbox: Outbox
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly random: () => number
  /** Called after the answers were committed. */
  readonly answered: (answers: QueueEffects['answered']) => void
}

export class Intake {
  readonly #options: IntakeOptions
  #seq = 0
  #closed = false
  #lost = false
  #received: Received = { known: 0, unknown: 0 }
  #cancelPause: (() => void) | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /**
   * Settles when the events end, with whether all of them are in the store. Never rejects: a store that fails is tried again,
   * with the same events.
   */
  async run(): Promise<boolean> {
    const { subscriber, logger } = this.#options
    try {
      for await (const events of subscriber.events) {
        let run: QueueEvent[] = []
        for (const event of events) {
          if ('notifierId' in event) run.push(event)
          else {
            await this.#queueEvents(run)
            run = []
            await this.#persist(() => this.#serverEvent(event))
          }
        }
        await this.#queueEvents(run)
      }
    } catch (error) {
      logger.error({ error: errorKind(error) }, 'the events of the SMP side failed')
      return false
    }
    return !this.#lost
  }

  /** Notifications since the start. */
  get received(): Received {
    return this.#received
  }

  /** From now on a store that fails is not tried again. */
  stopRetrying(): void {
    this.#closed = true
    this.#cancelPause?.()
  }

  /**
   * An `NMSG` is not acknowledged: giving up on the store would lose it. What the store refuses for good goes to `onRefused`: it must not
   * hold up all that comes after it.
   */
  async #persist(work: () => Promise<void>, onRefused?: () => Promise<void>): Promise<void> {
    const { clock, limits, logger } = this.#options
    for (;;) {
      try {
        return await work()
      } catch (error) {
        logger.error({ error: errorKind(error) }, 'events of SMP servers could not be stored')
        if (this.#closed) {
          this.#lost = true
          return
        }
        if (onRefused && (error as { temporary?: unknown }).temporary === false) return onRefused()
        await new Promise<void>((resolve) => {
          const cancel = clock.schedule(resolve, limits.storeRetry)
          this.#cancelPause = () => {
            cancel()
            resolve()
          }
        })
      }
    }
  }

  async #queueEvents(events: readonly QueueEvent[]): Promise<void> {
    if (events.length > 0)
      await this.#persist(
        () => this.#apply(events),
        () => this.#applyEach(events),
      )
  }

  async #apply(events: readonly QueueEvent[]): Promise<void> {
    const { outbox, servers, clock, answered, ...context } = this.#options
    const now = clock.now()
    const queue = [...new Set(events.map(keyOfQueue))]
    const effects = await outbox.commit({ subscriptions: { queue, withTokens: true } }, (rows) =>
      applyQueueEvents(events, rows, { ...context, now, nextSeq: () => this.#nextSeq(now) }),
    )
    for (const [server, received] of effects.received) {
      this.#received = plus(this.#received, received)
      servers.countReceived(server, received)
    }
    answered(effects.answered)
  }

  /** One that cannot be stored spoils no other; devices with a queue at its server are to look. */
  async #applyEach(events: readonly QueueEvent[]): Promise<void> {
    const { servers, logger } = this.#options
    for (const event of events) {
      await this.#persist(
        () => this.#apply([event]),
        async () => {
          logger.error({ event: event.type }, 'an event of an SMP server cannot be stored, and is dropped')
          await this.#persist(() => servers.oweChecks(event.server))
          await this.#persist(() => this.#oweChecks(event.server))
        },
      )
    }
  }

  /** Grows over restarts too, as long as the clock does. */
  #nextSeq(now: number): number {
    this.#seq = Math.max(this.#seq + 1, now * 1000)
    return this.#seq
  }

  async #serverEvent(event: Exclude<SubscriberEvent, QueueEvent>): Promise<void> {
    const { servers, logger } = this.#options
    switch (event.type) {
      case 'up':
        servers.setUp(event.server, event.serviceId)
        return
      case 'down':
        logger.info({ reason: event.reason, orderly: event.orderly }, 'SMP server down')
        return servers.setDown(event.server, event.orderly, event.reason)
      case 'settled':
        if (servers.row(event.server)?.checkOwed) await this.#oweChecks(event.server)
        return
      case 'serviceEnded':
        return servers.oweChecks(event.server)
    }
  }

  /** Where one queue is never answered, the others' checks are not withheld for ever. */
  async oweOverdueChecks(): Promise<void> {
    for (const server of this.#options.servers.owingSince(this.#options.limits.settleTimeout))
      await this.#oweChecks(server)
  }

  /**
   * Notifications of the lost session may be lost with it: every device with a queue there is to look, and one whose token is not
   * active now when it is.
   */
  async #oweChecks(server: string): Promise<void> {
    const { servers, outbox, clock, limits, random } = this.#options
    const losses = servers.losses(server)
    const seen = new Set<string>()
    for await (const rows of servers.subscribed(server)) {
      const id = [...new Set(rows.map(({ token }) => token))].filter((token) => !seen.has(token))
      for (const token of id) seen.add(token)
      await outbox.commit({ tokens: { id } }, ({ tokens }) => {
        const now = clock.now()
        const outboxIfAbsent = tokens.map(({ id, provider }) =>
          freshRow({ token: id, kind: 'check', provider }, now, now + Math.floor(limits.checkSpread * random())),
        )
        return { changes: { outboxIfAbsent }, result: undefined }
      })
    }
    await servers.checksOwed(server, losses)
  }
}
