// A phone without an agent: connections whose notifiers are made and removed at once, a state, and a client.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import type { ConnectionId, NotifierCredentials, SmpAgent } from '@smpkit/smp-agent'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import { onTestFinished } from 'vitest'
import { type NotificationClient, type NotificationClientOptions, openNotificationClient } from '../client.js'
import { type ClientState, memoryState } from '../state.js'
import type { NotificationStatus } from '../status.js'
import type { ScriptedNtf } from './ntf.js'

const server = parseServerAddress(`smp://${'A'.repeat(43)}=@smp.example.org`, 'smp')

/** Time that stands still until it is told to go on. */
export class StillClock {
  readonly #waiting = new Map<object, { readonly callback: () => void; readonly delay: number }>()
  /** Milliseconds since 1970. */
  time = 1_700_000_000_000

  readonly schedule = (callback: () => void, delay: number) => {
    const one = {}
    this.#waiting.set(one, { callback, delay })
    return () => void this.#waiting.delete(one)
  }

  /** Of what waits now. */
  get delays(): number[] {
    return [...this.#waiting.values()].map(({ delay }) => delay)
  }

  /** All that waits is due. */
  skip(time = 0): void {
    this.time += time
    for (const [one, { callback }] of [...this.#waiting]) {
      this.#waiting.delete(one)
      callback()
    }
  }
}

/** The part of an agent that a client uses. */
export class FakeAgent {
  readonly notifiers = new Map<ConnectionId, NotifierCredentials | null>()
  /** What was asked of it, as `+` or `-` and the connection. */
  asked: string[] = []
  client: NotificationClient | undefined

  async *allNotifiers(): AsyncGenerator<NotifierCredentials[]> {
    yield [...this.notifiers.values()].filter((one) => one !== null)
  }

  async *connections(): AsyncGenerator<never> {}

  async setNotifications(connection: ConnectionId, enable: boolean): Promise<void> {
    this.asked.push((enable ? '+' : '-') + connection)
    const present = this.notifiers.get(connection)
    if (present === undefined) return
    if (enable !== (present !== null)) this.notifiers.set(connection, enable ? newNotifier(connection) : null)
    // As `NKEY` and `NDEL` take their time.
    setImmediate(() => this.tell('notifications', connection))
  }

  tell(type: 'notifications' | 'deleted', connection: ConnectionId): void {
    void this.client?.handle({ type, connection, ack: async () => {} } as never)
  }
}

const newNotifier = (connection: ConnectionId): NotifierCredentials => ({
  connection,
  server,
  notifierId: randomBytes(24),
  notifierKey: PrivateKey.generate('ed25519'),
})

export interface NtfPhoneOptions {
  readonly connections?: number
  readonly state?: ClientState
  readonly device?: string
}

export class NtfPhone {
  readonly agent = new FakeAgent()
  readonly clock = new StillClock()
  readonly state: ClientState
  device: string

  constructor({ connections = 1, state = memoryState(), device = 'ab'.repeat(32) }: NtfPhoneOptions = {}) {
    this.state = state
    this.device = device
    for (let i = 0; i < connections; i++) this.connect(`connection ${i}`)
  }

  /** With notifications. */
  connect(connection: ConnectionId): void {
    this.agent.notifiers.set(connection, newNotifier(connection))
    this.agent.tell('notifications', connection)
  }

  async open(
    ntf: ScriptedNtf,
    { device = this.device, ...options }: Partial<Omit<NotificationClientOptions, 'device'>> & { device?: string } = {},
  ): Promise<NotificationClient> {
    const client = await openNotificationClient({
      agent: this.agent as unknown as SmpAgent,
      server: ntf.address,
      state: this.state,
      device: { provider: 'apns_test', token: device },
      ntf: ntf.ntf,
      clock: this.clock,
      now: () => this.clock.time,
      random: () => 0.5,
      ...options,
    })
    this.agent.client = client
    this.deliver(ntf, client, device)
    // One that was killed never ends.
    onTestFinished(() => void client.close())
    return client
  }

  deliver(ntf: ScriptedNtf, client: NotificationClient, device = this.device): void {
    ntf.devices.set(device, (data) => void client.received(data).catch(() => {}))
  }

  /** Whatever is waited for comes at once. */
  async skipUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
    await settled(() => {
      this.clock.skip()
      return condition()
    })
  }

  /** A client that is ready. */
  async ready(ntf: ScriptedNtf, options: Parameters<NtfPhone['open']>[1] = {}): Promise<NotificationClient> {
    const client = await this.open(ntf, options)
    await until(client, isReady(this.agent.notifiers.size))
    return client
  }
}

export const isReady =
  (subscribed: number) =>
  (status: NotificationStatus): boolean =>
    status.phase === 'ready' && status.subscribed === subscribed && status.wanted === subscribed && !status.problem

export async function until(
  client: NotificationClient,
  condition: (status: NotificationStatus) => boolean,
): Promise<NotificationStatus> {
  for await (const status of client.changes()) if (condition(status)) return status
  throw new Error(`expected another status before the end, got ${client.status.phase}`)
}

/** A test that waits in vain must not go on while others run. */
const longest = 20_000

export async function settled(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + longest
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('expected something that has not come')
    await new Promise((resolve) => setImmediate(resolve))
  }
}
