// Spec 30 §5, 23 §4–§6: one thing after the other, until the notification server has what the agent and the device want.
import type { Clock } from '@smpkit/service-protocol'
import type { ServiceInfo } from '@smpkit/service-protocol/notification'
import { NotificationClientError, problemOf } from './errors.js'
import { backOff, pause } from './pause.js'
import { Refusal } from './refusal.js'
import type { Registration } from './registration.js'
import type { ServerSide } from './server-side.js'
import type { Device } from './state.js'
import type { StatusHolder } from './status.js'
import type { Subscriptions } from './subscriptions.js'

/** In milliseconds: how often the server is asked whether it still agrees, and whether a code that does not come is asked for again. */
const checkEvery = 24 * 3_600_000
const remindEvery = 3_600_000
/** After what only somebody else can mend. */
const refusedPause = 3_600_000
/** Between two checks, whatever is due. */
const leastPause = 60_000
/** So often both sides are compared in a row before the next check. */
const maxRepairs = 3

export interface Parts {
  /** Of the kind that the address is. */
  readonly server: ServerSide
  /** Of the other kind: what is stored of it is left. */
  readonly other: ServerSide
  readonly registration: Registration
  readonly subscriptions: Subscriptions
  readonly status: StatusHolder
}

export interface WorkerOptions extends Parts {
  readonly address: string
  readonly clock: Clock
  readonly random: () => number
  readonly now: () => number
  readonly signal: AbortSignal
}

/** Does one thing after the other; what is to be done follows from what is stored and what the server says. */
export class Worker {
  readonly ended: Promise<void>
  readonly #options: WorkerOptions
  #waking = new AbortController()
  #isCheckDue = true
  #isReminderDue = true
  #isOff = false
  #losses = 0
  #info: ServiceInfo | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    this.ended = this.#run()
  }

  get info(): ServiceInfo | undefined {
    return this.#info
  }

  /** Something has changed: it looks again. */
  wake(): void {
    this.#waking.abort()
  }

  check(): void {
    this.#options.server.checkAll()
    this.#isCheckDue = true
    this.wake()
  }

  /** Leaves the server, and ends. */
  async switchOff(): Promise<void> {
    const { server, other } = this.#options
    this.#isOff = true
    for (const side of [server, other]) await side.lose()
    this.wake()
    await this.ended
  }

  async #run(): Promise<void> {
    const { server, other, status, clock, random, signal } = this.#options
    for (let failures = 0; !signal.aborted; ) {
      this.#waking = new AbortController()
      let delay: number
      try {
        delay = await this.#pass()
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        const problem = problemOf(error)
        if (problem.code === 'CLOSED') return status.set({ problem })
        if (server.isLeaving) delay = 0
        else {
          status.set({ problem })
          delay = problem.temporary ? backOff(failures++, random) : refusedPause
        }
      }
      if (this.#isOff && server.address === undefined && other.address === undefined) return
      await pause(clock, delay, signal, this.#waking.signal)
      if (!this.#waking.signal.aborted) {
        this.#isCheckDue = true
        this.#isReminderDue = true
      }
    }
  }

  /** All that can be done now; then milliseconds until there may be more. */
  async #pass(): Promise<number> {
    const { server, other, registration, subscriptions, status, address, random, now } = this.#options
    if (other.address !== undefined) await this.#leave(other)
    const isOther = server.address !== undefined && server.address !== address
    if (server.address !== undefined && (this.#isOff || server.isLeaving || isOther)) {
      await this.#leave(server)
      // What cannot be connected to would otherwise be tried without end.
      if (!isOther && !this.#isOff) return backOff(this.#losses++, random)
    }
    if (this.#isOff) {
      await registration.remove()
      return 0
    }
    if (!(await server.ensure(address))) {
      status.set({ phase: 'connecting' })
      return server.isLeaving ? 0 : remindEvery
    }
    const info = await this.#learn()
    const record = registration.record
    if (!record) {
      status.set({ phase: 'noDevice', problem: null })
      return checkEvery
    }
    requireProvider(info, record.device)
    const problem = await this.#bringInStep()
    const isActive = registration.active !== undefined
    if (isActive) this.#losses = 0
    const { wanted, subscribed } = subscriptions.counts
    const isReady = isActive && !problem && wanted === subscribed
    status.set({ phase: isReady ? 'ready' : isActive ? 'subscribing' : 'verifying', problem })
    if (!isReady) return remindEvery * (0.9 + random() / 5)
    return Math.max(leastPause, Math.min(checkEvery * (0.9 + random() / 5), server.nextCheck - now()))
  }

  async #leave(side: ServerSide): Promise<void> {
    const { address, registration, subscriptions } = this.#options
    this.#info = undefined
    this.#isCheckDue = true
    await side.leave(registration.record)
    if (!this.#isOff) await registration.startAnew()
    // A server that is not told goes on with the notifiers that it has.
    if (this.#isOff || side.address !== address) await subscriptions.renewAll()
    await subscriptions.forgetAll()
    await side.forget()
  }

  async #learn(): Promise<ServiceInfo> {
    const { server, status } = this.#options
    if (!this.#info) {
      this.#info = await server.info()
      // Whoever waits for it sees it.
      status.set({ phase: 'registering', problem: null })
    }
    return this.#info
  }

  async #bringInStep(): Promise<NotificationClientError | null> {
    const { server, registration, subscriptions } = this.#options
    const { isWaiting } = registration
    await subscriptions.finishRenewals()
    for (let repairs = 0; ; repairs++) {
      if (repairs > 2 * maxRepairs) throw new NotificationClientError('SERVICE', 'the server forgets what it was told')
      try {
        const problem = await this.#tell(isWaiting)
        if (!this.#isCheckDue || repairs === maxRepairs) return problem
        const refused = await this.#compare()
        if (!this.#isCheckDue) return refused ?? problem
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        if (error.reason === 'inactive') await registration.check()
        else if (error.reason === 'conflict') {
          await server.lose()
          throw error
        } else {
          await subscriptions.forgetAll()
          await registration.startAnew()
          this.#isReminderDue = false
        }
      }
    }
  }

  /** What the server does not have yet. */
  async #tell(isWaiting: boolean): Promise<NotificationClientError | null> {
    const { registration, subscriptions, status } = this.#options
    if (registration.record?.token === null) status.set({ phase: 'registering' })
    await registration.advance()
    if (isWaiting && this.#isReminderDue) await registration.remind()
    this.#isReminderDue = false
    const { active } = registration
    if (!active) {
      status.set({ phase: 'verifying' })
      return null
    }
    const problem = await subscriptions.sync(active)
    await registration.setPeriod()
    return problem
  }

  /** Asks what the server has. Nothing is due any more if both sides agree. */
  async #compare(): Promise<NotificationClientError | null> {
    const { registration, subscriptions } = this.#options
    this.#isCheckDue = false
    const check = await registration.check()
    const { active } = registration
    if (check && active) {
      await subscriptions.revive(active)
      if (!(await subscriptions.repair(active, check))) this.#isCheckDue = true
    }
    if (check?.status !== 'invalid') return null
    // A reason is a word of the provider's, such as that of an app that was removed.
    const why = check.reason ?? 'invalid'
    return new NotificationClientError('DEVICE', `the provider does not push to this device: ${why}`)
  }
}

function requireProvider({ providers }: ServiceInfo, { provider }: Device): void {
  if (providers.some(({ name }) => name === provider)) return
  const names = providers.map(({ name }) => name).join(', ')
  throw new NotificationClientError('DEVICE', `expected one of the server's providers (${names}), got another one`)
}
