// A phone of these tests: an agent, a client, and a system that hands over the pushes to its device.
import { type AgentStore, openMemoryStore } from '@smpkit/agent-store'
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { type AgentEvent, type ConnectionId, openAgent } from '@smpkit/smp-agent'
import { expect } from 'vitest'
import type { NotificationClient, NotificationClientOptions } from '../../src/client.js'
import { openNotificationClient } from '../../src/client.js'
import { type ClientState, memoryState } from '../../src/state.js'
import type { NotificationStatus } from '../../src/status.js'
import { Person, untilStatus } from '../../src/testing/service.js'
import { type WokenUp, wakeUp } from '../../src/wake-up.js'
import type { Ntf } from './ntf.js'
import type { Smp } from './smp.js'

type Kind = 'verification' | 'message' | 'check'

export interface PhoneOptions {
  readonly smp: Smp | readonly Smp[]
  readonly store?: AgentStore
  readonly state?: ClientState
  /** `false`: woken by a push, and about to sleep again. */
  readonly subscribe?: boolean
  /** Default: one that no other test has. */
  readonly token?: string
}

/** A server that is away is found again at once, and connections are made faster. */
const quick = {
  pqSupport: false,
  pool: { reconnect: { firstDelay: 20, maxDelay: 100 } },
  retry: { fast: { first: 50, growAfter: 1000, max: 500 } },
} as const

/** Delays of the client are a hundredth of what they are, but not those of its requests. */
const quickClient = {
  clock: {
    now: () => performance.now(),
    schedule(callback: () => void, delay: number) {
      const timer = setTimeout(callback, Math.min(delay / 100, 2 ** 31 - 1))
      return () => clearTimeout(timer)
    },
  },
  ntf: { reconnect: { firstDelay: 20, maxDelay: 100 } },
} as const

export const newDeviceToken = (): string => toHex(randomBytes(32))

export const bytes = (text: string) => new TextEncoder().encode(text)
export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

export async function openPerson(smp: Smp | readonly Smp[], options: Partial<PhoneOptions> = {}): Promise<Person> {
  const { store = openMemoryStore(), subscribe = true } = options
  const servers = [smp].flat().map(({ address }) => address)
  return new Person(await openAgent({ ...quick, store, servers, subscribe }))
}

export class Phone extends Person {
  readonly options: PhoneOptions & Required<Pick<PhoneOptions, 'store' | 'state' | 'token'>>
  readonly ntf: Ntf
  /** Of the device; another one when the system gives it one. */
  token: string
  /** What the client said to each push that it was handed. */
  readonly handed: (Kind | Error)[] = []
  /** What is waited for before an event is dealt with. */
  before: (event: AgentEvent) => Promise<unknown> = async () => {}
  /** Whether pushes arrive; those that came meanwhile are handed over later. */
  isOn = true
  #taken = 0
  #isStopped = false

  private constructor(agent: Person['agent'], ntf: Ntf, options: Phone['options']) {
    super(agent)
    this.options = options
    this.ntf = ntf
    this.token = options.token
    void this.#deliver()
  }

  static async buy(ntf: Ntf, options: PhoneOptions): Promise<Phone> {
    const { store = openMemoryStore(), state = memoryState(), token = newDeviceToken(), subscribe = true } = options
    const servers = [options.smp].flat().map(({ address }) => address)
    const agent = await openAgent({ ...quick, store, servers, subscribe })
    const phone = new Phone(agent, ntf, { ...options, store, state, token })
    phone.#taken = phone.pushes.length
    return phone
  }

  /** The same phone after its application has ended, and was opened again. */
  async again(changes: Partial<PhoneOptions> & { readonly ntf?: Ntf } = {}): Promise<Phone> {
    const { ntf = this.ntf, ...options } = changes
    await this.stop()
    const taken = this.#taken
    const phone = await Phone.buy(ntf, { ...this.options, token: this.token, ...options })
    if (phone.token === this.token) phone.#taken = taken
    return phone
  }

  get state(): ClientState {
    return this.options.state
  }

  override async stop(): Promise<void> {
    this.#isStopped = true
    await super.stop()
  }

  async open(options: Partial<NotificationClientOptions> = {}): Promise<NotificationClient> {
    const client = await openNotificationClient({
      ...quickClient,
      agent: this.agent,
      server: this.ntf.address,
      device: this.device(),
      state: this.state,
      ...options,
    })
    const handle = client.handle.bind(client)
    client.handle = async (event) => {
      await this.before(event)
      return handle(event)
    }
    this.client = client
    return client
  }

  /** The same, and waits until all is as it is wanted. */
  async openReady(subscribed: number, options: Partial<NotificationClientOptions> = {}): Promise<NotificationClient> {
    const client = await this.open(options)
    await ready(client, subscribed)
    return client
  }

  device(token = this.token) {
    return { provider: this.ntf.provider, token }
  }

  /** `notificationData` of all that was pushed to it. */
  get pushes(): readonly Readonly<Record<string, unknown>>[] {
    return this.ntf.log.of(this.token).map(({ body }) => JSON.parse(body).notificationData)
  }

  get kinds(): readonly Kind[] {
    return this.pushes.map((data) => {
      if ('verification' in data) return 'verification'
      return 'message' in data ? 'message' : 'check'
    })
  }

  count(kind: Kind): number {
    return this.kinds.filter((one) => one === kind).length
  }

  /** Settles when so many of a kind were pushed. */
  untilPushed(kind: Kind, count: number): Promise<void> {
    return this.until(() => this.count(kind) >= count)
  }

  /** Nothing of a kind comes while `work` is done, and half a second after. */
  async noPush(work: () => Promise<unknown>, kind: Kind = 'message'): Promise<void> {
    const before = this.count(kind)
    await work()
    await pause(500)
    expect(this.count(kind)).toBe(before)
  }

  /** What a push tells of, by default the newest one of a message, as a device sees it that was woken. */
  woken(notificationData?: unknown): Promise<WokenUp> {
    const newest = this.pushes.filter((data) => 'message' in data).at(-1)
    return wakeUp({ agent: this.agent, state: this.state, notificationData: notificationData ?? newest })
  }

  /** The connection that the newest push tells of. */
  async told(): Promise<ConnectionId | null | undefined> {
    return (await this.woken()).results.at(-1)?.connection
  }

  /** As the phone's system does. */
  async #deliver(): Promise<void> {
    while (!this.#isStopped) {
      if (this.isOn && this.client) {
        const token = this.token
        const { pushes } = this
        for (; this.#taken < pushes.length && token === this.token; this.#taken++) {
          this.handed.push(await this.client.received(pushes[this.#taken]).catch((error: Error) => error))
        }
      }
      await pause(10)
    }
  }

  /** What was pushed and not handed over is lost. */
  lose(): void {
    this.#taken = this.pushes.length
  }

  /** The system gives the device another token. */
  move(token = newDeviceToken()): void {
    this.token = token
    this.#taken = 0
  }
}

/** All connections are subscribed, and both sides agree. */
export const ready = (client: NotificationClient, subscribed: number): Promise<NotificationStatus> =>
  untilStatus(client, (status) => status.phase === 'ready' && status.subscribed === subscribed && !status.problem)

/** Of all its connections. */
export async function notifierIds({ agent }: Pick<Phone, 'agent'>): Promise<string[]> {
  const ids: string[] = []
  for await (const page of agent.allNotifiers()) ids.push(...page.map(({ notifierId }) => toHex(notifierId)))
  return ids
}

export interface Talk {
  readonly phone: Phone
  readonly friend: Person
  readonly client: NotificationClient
  /** Of the phone's connections to the friend. */
  readonly peers: readonly Awaited<ReturnType<Person['meet']>>[]
}

export interface TalkOptions extends Partial<PhoneOptions> {
  readonly connections?: number
  readonly client?: Partial<NotificationClientOptions>
}

/** A phone with connections, whose client is ready. */
export async function talk(ntf: Ntf, smp: Smp | readonly Smp[], options: TalkOptions = {}): Promise<Talk> {
  const { connections = 1, client: clientOptions, ...others } = options
  const [phone, friend] = [await Phone.buy(ntf, { smp, ...others }), await openPerson(smp)]
  const peers = []
  for (let i = 0; i < connections; i++) peers.push(await phone.meet(friend))
  const client = await phone.openReady(connections, clientOptions)
  return { phone, friend, client, peers }
}

/** A phone whose token the server has, and whose verification push is still on its way. */
export async function verifying(ntf: Ntf, smp: Smp) {
  const phone = await Phone.buy(ntf, { smp })
  phone.isOn = false
  const client = await phone.open()
  await phone.untilPushed('verification', 1)
  await untilStatus(client, ({ phase }) => phase === 'verifying')
  return { ntf, phone, client }
}

export const checkPush = { checkMessages: true }
