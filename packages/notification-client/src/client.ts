// Spec 30 §5, §6, 23 §4–§8: keeps a notification server in step with an agent and a device, whatever happens in between.
import { type NtfClientOptions, ntfAddressToText, parseNtfAddress } from '@smpkit/ntf-protocol'
import { type Clock, systemClock } from '@smpkit/service-protocol'
import type { ServiceInfo } from '@smpkit/service-protocol/notification'
import { type AgentEvent, LinkError, type SmpAgent } from '@smpkit/smp-agent'
import { parseLink } from '@smpkit/smp-agent/links'
import { AddressError } from '@smpkit/smp-commands/address'
import { openDevicePush } from './device-secret.js'
import { NotificationClientError, problemOf } from './errors.js'
import { NtfDeletions } from './ntf-deletions.js'
import { NtfSide } from './ntf-side.js'
import { Registration } from './registration.js'
import { ServiceConnection } from './service-connection.js'
import { ServiceSide } from './service-side.js'
import { type ClientState, type Device, type NotificationMode, Records } from './state.js'
import { type NotificationStatus, StatusHolder } from './status.js'
import { Subscriptions } from './subscriptions.js'
import { type Parts, Worker } from './worker.js'

export interface NotificationClientOptions {
  /** Open, and subscribing; it stays the caller's, and is closed after the client. */
  readonly agent: SmpAgent
  /** The contact link of a notification server, or an address `ntf://…`. Another one than before: the former server is left. */
  readonly server: string
  /** Where pushes shall go; as before unless given. It may be told later by `setDevice`. */
  readonly device?: Device
  /** Stays the caller's. One for each client. */
  readonly state: ClientState
  /** As before unless given, at first `instant`. It may be changed by `setMode`. */
  readonly mode?: NotificationMode
  /**
   * How often the device is to be woken to look, whatever comes: minutes, at least 20; 0: never. Default: 20, but 0 for pushes of messages from the
   * server of a contact link.
   */
  readonly periodMinutes?: number
  /** How to reach servers of `ntf://`: `connect` for other ways than TLS, as through a proxy, and time-outs. */
  readonly ntf?: NtfClientOptions
  /**
   * Of a contact link: seconds that the server may wait for SMP servers before it answers, at most 15, which is the default; 0 for who goes back to
   * sleep.
   */
  readonly wait?: number
  /** Of a contact link: milliseconds for one request. Default: 60,000. */
  readonly timeout?: number
  readonly clock?: Clock
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** 0..1 (exclusive), for jitter. */
  readonly random?: () => number
}

const defaultPeriod = 20

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
  /** What pushes are for. */
  readonly mode: NotificationMode
  /**
   * Settles when it is stored. With `periodic`, the notifiers of all connections are removed, until the mode is `instant` again; no push tells of a
   * message when the status is `ready`. There is no mode for none: `unregister`.
   */
  setMode(mode: NotificationMode): Promise<void>
  /** What the server offers: its providers with what a device needs to get a token. Waits until the server has told. @throws NotificationClientError */
  info(options?: Waiting): Promise<ServiceInfo>
  readonly status: NotificationStatus
  /** The present status, then each newer one; ends with the client. */
  changes(options?: Waiting): AsyncIterable<NotificationStatus>
  /**
   * No more pushes: the server is told to delete all that it had of us. Settles when that is stored; the client is closed then. The agent goes on
   * telling the server of a contact link for two days. A server of `ntf://` is told at once, within 15 seconds, or by the next client that is opened
   * with this state within 21 days, whatever its server is. Connections get notifiers that it does not know: `setNotifications(connection, false)` ends
   * those.
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
  const { kind, address } = readAddress(options.server)
  const { agent, state, clock = systemClock, random = Math.random, now = Date.now } = options
  const { wait = 15, timeout = 60_000, device, mode, ntf = {} } = options
  const records = new Records(state)
  const closing = new AbortController()
  const { signal } = closing
  const status = new StatusHolder()
  let worker: Worker | undefined
  const onChange = () => worker?.wake()
  const onTrouble = (error: unknown) => status.set({ problem: problemOf(error) })
  const own = { agent, records, clock, random, now, timeout, onChange, onTrouble }
  const connection = await ServiceConnection.restore(own)
  const deletions = new NtfDeletions({ records, ntf, clock, random, now, signal })
  const sides = {
    service: new ServiceSide({ connection, wait, signal }),
    ntf: await NtfSide.restore({ records, deletions, ntf, now }),
  }
  const [server, other] = kind === 'ntf' ? [sides.ntf, sides.service] : [sides.service, sides.ntf]
  const subscriptions = await Subscriptions.restore({
    agent,
    records,
    server,
    isOwn: (one) => connection.has(one),
    now,
    onChange() {
      const { counts } = subscriptions
      const isBehind = counts.wanted !== counts.subscribed && registration.active
      status.set({ ...counts, ...(isBehind && { phase: 'subscribing' }) })
    },
  })
  const isSilent = () => kind === 'service' && subscriptions.mode === 'instant'
  const period = () => options.periodMinutes ?? (isSilent() ? 0 : defaultPeriod)
  const registration = await Registration.restore({ records, server, period })
  if (device) await registration.setDevice(device)
  if (mode) await subscriptions.setMode(mode)
  const parts = { server, other, registration, subscriptions, status }
  worker = new Worker({ ...parts, address, clock, random, now, signal })
  return new Client({ ...parts, connection, deletions, records, worker, closing })
}

/** @throws NotificationClientError `ADDRESS` */
function readAddress(server: string): { readonly kind: 'service' | 'ntf'; readonly address: string } {
  try {
    const text = server.trim()
    if (text.startsWith('ntf://')) return { kind: 'ntf', address: ntfAddressToText(parseNtfAddress(text)) }
    parseLink(server, { type: 'contact' })
    return { kind: 'service', address: server }
  } catch (cause) {
    if (!(cause instanceof LinkError || cause instanceof AddressError)) throw cause
    const message = `expected the contact link of a notification server, or its ntf://… address: ${cause.message}`
    throw new NotificationClientError('ADDRESS', message, { cause })
  }
}

interface ClientParts extends Parts {
  readonly connection: ServiceConnection
  readonly deletions: NtfDeletions
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

  get mode(): NotificationMode {
    return this.#parts.subscriptions.mode
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
    const { registration, status, worker } = this.#parts
    await registration.setDevice(device)
    if (status.current.phase === 'ready' && !registration.active) status.set({ phase: 'registering' })
    worker.wake()
  }

  async setMode(mode: NotificationMode): Promise<void> {
    this.#requireOpen()
    const { subscriptions, status, worker } = this.#parts
    if (mode === subscriptions.mode) return
    await subscriptions.setMode(mode)
    if (status.current.phase === 'ready') status.set({ phase: 'subscribing' })
    worker.wake()
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
    const { worker, deletions } = this.#parts
    await worker.switchOff()
    await this.close()
    await deletions.tryLast()
  }

  async close(): Promise<void> {
    const { closing, server, other, worker, status } = this.#parts
    closing.abort()
    await Promise.all([server.close(), other.close(), worker.ended])
    status.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #requireOpen(): void {
    if (this.#parts.closing.signal.aborted) throw new NotificationClientError('CLOSED', 'the client was closed')
  }
}
