// Spec 30 §5, 23 §4–§6: one thing after the other, until the notification server has what the agent and the device want.
import type { Clock } from '@smpkit/service-protocol'
import type { ServiceInfo } from '@smpkit/service-protocol/notification'
import { isSameDevice } from './device-secret.js'
import { NotificationClientError, problemOf } from './errors.js'
import { backOff, pause } from './pause.js'
import type { Registration } from './registration.js'
import type { ServiceConnection } from './service-connection.js'
import type { Device } from './state.js'
import type { StatusHolder } from './status.js'
import type { Subscriptions } from './subscriptions.js'

/** In milliseconds: how often the server is asked whether it still agrees, and whether a code that does not come is asked for again. */
const checkEvery = 24 * 3_600_000
const remindEvery = 3_600_000
/** After what only somebody else can mend. */
const refusedPause = 3_600_000
/** So often both sides are compared in a row before the next check. */
const maxRepairs = 3

export interface Parts {
  readonly connection: ServiceConnection
  readonly registration: Registration
  readonly subscriptions: Subscriptions
  readonly status: StatusHolder
}

export interface WorkerOptions extends Parts {
  readonly server: string
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
    this.#isCheckDue = true
    this.wake()
  }

  /** Leaves the server, and ends. */
  async switchOff(): Promise<void> {
    this.#isOff = true
    await this.#options.connection.lose()
    await this.ended
  }

  async #run(): Promise<void> {
    const { connection, status, clock, random, signal } = this.#options
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
        if (connection.isLeaving) delay = 0
        else {
          status.set({ problem })
          delay = problem.temporary ? backOff(failures++, random) : refusedPause
        }
      }
      if (this.#isOff && connection.record === undefined) return
      await pause(clock, delay, signal, this.#waking.signal)
      if (!this.#waking.signal.aborted) {
        this.#isCheckDue = true
        this.#isReminderDue = true
      }
    }
  }

  /** All that can be done now; then milliseconds until there may be more. */
  async #pass(): Promise<number> {
    const { connection, registration, status, server, signal, random } = this.#options
    const isOther = connection.record !== undefined && connection.record.address !== server
    if (this.#isOff || connection.isLeaving || isOther) {
      await this.#leave()
      // What cannot be connected to would otherwise be tried without end.
      if (!isOther && !this.#isOff) return backOff(this.#losses++, random)
    }
    if (this.#isOff) return 0
    if (!(await connection.ensure(server, signal))) {
      status.set({ phase: 'connecting' })
      return connection.isLeaving ? 0 : remindEvery
    }
    const info = await this.#learn()
    const record = registration.record
    if (!record) {
      status.set({ phase: 'noDevice', problem: null })
      return checkEvery
    }
    requireProvider(info, record.device)
    const problem = await this.#bringInStep()
    this.#losses = 0
    const isActive = registration.record?.isActive === true
    status.set({ phase: !isActive ? 'verifying' : problem ? 'subscribing' : 'ready', problem })
    return (isActive ? checkEvery : remindEvery) * (0.9 + random() / 5)
  }

  async #leave(): Promise<void> {
    const { connection, registration, subscriptions } = this.#options
    this.#info = undefined
    this.#isCheckDue = true
    await connection.leave(registration.farewell())
    if (this.#isOff) await registration.remove()
    else await registration.startAnew()
    await subscriptions.forgetAll()
    await connection.forget()
  }

  async #learn(): Promise<ServiceInfo> {
    const { connection, status, signal } = this.#options
    if (!this.#info) {
      const { data } = await connection.ask(signal, (ask, options) => ask('get', '/', undefined, options))
      if (!data.versions.includes(1)) {
        throw new NotificationClientError('SERVICE', `expected version 1, the server has ${data.versions.join()}`)
      }
      this.#info = data
      // Whoever waits for it sees it.
      status.set({ phase: 'registering', problem: null })
    }
    return this.#info
  }

  async #bringInStep(): Promise<NotificationClientError | null> {
    const { registration, subscriptions, status } = this.#options
    const before = registration.record
    const isWaiting = before?.token && !before.isActive && isSameDevice(before.token.device, before.device)
    await subscriptions.finishRenewals()
    for (let repairs = 0; ; repairs++) {
      if (repairs > 2 * maxRepairs) throw new NotificationClientError('SERVICE', 'the server forgets what it was told')
      if (registration.record?.token === null) status.set({ phase: 'registering' })
      await registration.advance()
      if (isWaiting && this.#isReminderDue) await registration.remind()
      this.#isReminderDue = false
      const { token, isActive = false } = registration.record ?? {}
      // Forgotten by the server meanwhile.
      if (!token) continue
      if (!isActive) status.set({ phase: 'verifying' })
      const { tokenUnknown, problem } = await subscriptions.sync(token.id, isActive)
      if (tokenUnknown) {
        await registration.forget()
        continue
      }
      if (!this.#isCheckDue || repairs === maxRepairs) return problem
      const refused = await this.#compare()
      if (!this.#isCheckDue) return refused ?? problem
    }
  }

  /** Asks what the server has. Nothing is due any more if both sides agree. */
  async #compare(): Promise<NotificationClientError | null> {
    const { registration, subscriptions } = this.#options
    this.#isCheckDue = false
    const state = await registration.check()
    if (state) await subscriptions.revive()
    if (!state || !(await subscriptions.repair(state))) this.#isCheckDue = true
    if (state?.status !== 'invalid') return null
    // A reason is a word of the provider's, such as that of an app that was removed.
    return new NotificationClientError(
      'DEVICE',
      `the provider does not push to this device: ${state.reason ?? 'invalid'}`,
    )
  }
}

function requireProvider({ providers }: ServiceInfo, { provider }: Device): void {
  if (providers.some(({ name }) => name === provider)) return
  const names = providers.map(({ name }) => name).join(', ')
  throw new NotificationClientError('DEVICE', `expected one of the server's providers (${names}), got another one`)
}
