// Spec 30 §5, §6, 23 §4–§8: keeps a notification server in step with an agent and a device, whatever happens in between.
import { type Clock, systemClock } from '@smpkit/service-protocol'
import type { ServiceInfo } from '@smpkit/service-protocol/notification'
import { type AgentEvent, LinkError, type SmpAgent } from '@smpkit/smp-agent'
import { parseLink } from '@smpkit/smp-agent/links'
import { openDevicePush } from './device-secret.js'
import { NotificationClientError, problemOf } from './errors.js'
import { Registration } from './registration.js'
import { ServiceConnection } from './service-connection.js'
import { type ClientState, type Device, Records } from './state.js'
import { type NotificationStatus, StatusHolder } from './status.js'
import { Subscriptions } from './subscriptions.js'
import { type Parts, Worker } from './worker.js'

export interface NotificationClientOptions {
  /** Open, and subscribing; it stays the caller's, and is closed after the client. */
  readonly agent: SmpAgent
  /** The contact link of a notification server. Another one than before: the former server is left. */
  readonly server: string
  /** Where pushes shall go; as before unless given. It may be told later by `setDevice`. */
  readonly device?: Device
  /** Stays the caller's. One for each client. */
  readonly state: ClientState
  /** How often the device is to be woken to look, whatever comes: minutes, at least 20. Default: 0, never. */
  readonly periodMinutes?: number
  /** Seconds that the server may wait for SMP servers before it answers, at most 15, which is the default; 0 for who goes back to sleep. */
  readonly wait?: number
  /** Milliseconds for one request. Default: 60,000. */
  readonly timeout?: number
  readonly clock?: Clock
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** 0..1 (exclusive), for jitter. */
  readonly random?: () => number
}

interface Waiting {
  readonly signal?: AbortSignal
}

export interface NotificationClient extends AsyncDisposable {
  /**
   * Give it every event of the agent. `true`: it was the client's, has been dealt with and acknowledged. `false`: it is the application's, which
   * acknowledges it as ever. It never waits for the notification server. @throws what the agent and the state do; then give it the event again
   */
  handle(event: AgentEvent): Promise<boolean>
  /**
   * Give it the `notificationData` of every push that comes while the agent is open and subscribing; see `wakeUp` for one that sleeps. Settles
   * when it is stored; messages come by the agent's subscriptions.
   * @throws NotificationClientError `PUSH`
   */
  received(notificationData: unknown): Promise<'verification' | 'message' | 'check'>
  /** The device has a new push token. Settles when that is stored. */
  setDevice(device: Device): Promise<void>
  /** What the server offers: its providers with what a device needs to get a token. Waits until the server has told. @throws NotificationClientError */
  info(options?: Waiting): Promise<ServiceInfo>
  readonly status: NotificationStatus
  /** The present status, then each newer one; ends with the client. */
  changes(options?: Waiting): AsyncIterable<NotificationStatus>
  /**
   * No more pushes: the server is told if it can be reached within two days, and all that it had of us is deleted. Settles when that is stored; the
   * client is closed then. Notifiers stay: `setNotifications(connection, false)` ends those.
   */
  unregister(): Promise<void>
  /** Ends all work; what is not finished goes on when a client is opened again. */
  close(): Promise<void>
}

/**
 * Settles when what the state holds was read; all else follows in the background, and `changes` tells of it.
 * @throws NotificationClientError `ADDRESS`; what the agent and the state do
 */
export async function openNotificationClient(options: NotificationClientOptions): Promise<NotificationClient> {
  requireContactLink(options.server)
  const { agent, state, clock = systemClock, random = Math.random, now = Date.now } = options
  const { wait = 15, timeout = 60_000, periodMinutes = 0, device } = options
  const records = new Records(state)
  const closing = new AbortController()
  const { signal } = closing
  const status = new StatusHolder()
  let worker: Worker | undefined
  const onChange = () => worker?.wake()
  const onTrouble = (error: unknown) => status.set({ problem: problemOf(error) })
  const connection = await ServiceConnection.restore({
    agent,
    records,
    clock,
    random,
    now,
    timeout,
    onChange,
    onTrouble,
  })
  const registration = await Registration.restore({ records, connection, periodMinutes, signal })
  const showCounts = () => {
    const { counts } = subscriptions
    const isBehind = counts.wanted !== counts.subscribed && registration.record?.isActive
    status.set({ ...counts, ...(isBehind && { phase: 'subscribing' }) })
  }
  const subscriptions = await Subscriptions.restore({
    agent,
    records,
    connection,
    wait,
    now,
    signal,
    onChange: showCounts,
  })
  if (device) await registration.setDevice(device)
  const { server } = options
  const parts = { connection, registration, subscriptions, status }
  worker = new Worker({ ...parts, server, clock, random, now, signal })
  return new Client({ ...parts, records, worker, closing })
}

function requireContactLink(server: string): void {
  if (/^ntf:/i.test(server.trim())) {
    throw new NotificationClientError('ADDRESS', 'expected a contact link: servers of ntf:// are not supported yet')
  }
  try {
    parseLink(server, { type: 'contact' })
  } catch (cause) {
    if (!(cause instanceof LinkError)) throw cause
    throw new NotificationClientError(
      'ADDRESS',
      `expected the contact link of a notification server: ${cause.message}`,
      {
        cause,
      },
    )
  }
}

interface ClientParts extends Parts {
  readonly records: Records
  readonly worker: Worker
  readonly closing: AbortController
}

class Client implements NotificationClient {
  readonly #parts: ClientParts

  constructor(parts: ClientParts) {
    this.#parts = parts
    // As when the agent was closed.
    void parts.worker.ended.finally(() => this.close())
  }

  get status(): NotificationStatus {
    return this.#parts.status.current
  }

  async handle(event: AgentEvent): Promise<boolean> {
    const { connection, worker } = this.#parts
    if (await connection.handle(event)) return true
    const { type } = event
    if (type === 'notifications' || type === 'deleted' || (type === 'switch' && event.phase === 'completed'))
      worker.wake()
    return false
  }

  async received(notificationData: unknown): Promise<'verification' | 'message' | 'check'> {
    const { registration, records, worker } = this.#parts
    const opened = openDevicePush(registration.record, notificationData)
    if (opened === null || opened.kind === 'verification') {
      await records.push.put(notificationData)
      worker.wake()
      return 'verification'
    }
    // One reason for it is that something has become of our subscriptions.
    if (opened.kind === 'check') worker.check()
    return opened.kind
  }

  async setDevice(device: Device): Promise<void> {
    this.#requireOpen()
    await this.#parts.registration.setDevice(device)
    this.#parts.worker.wake()
  }

  async info({ signal }: Waiting = {}): Promise<ServiceInfo> {
    const { worker, status } = this.#parts
    for await (const { problem } of status.changes(signal)) {
      if (worker.info) return worker.info
      if (problem && !problem.temporary) throw problem
    }
    throw new NotificationClientError('CLOSED', 'the client was closed')
  }

  changes({ signal }: Waiting = {}): AsyncIterable<NotificationStatus> {
    return this.#parts.status.changes(signal)
  }

  async unregister(): Promise<void> {
    this.#requireOpen()
    await this.#parts.worker.switchOff()
    await this.close()
  }

  async close(): Promise<void> {
    const { closing, connection, worker, status } = this.#parts
    closing.abort()
    connection.close()
    await worker.ended
    status.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #requireOpen(): void {
    if (this.#parts.closing.signal.aborted) throw new NotificationClientError('CLOSED', 'the client was closed')
  }
}
