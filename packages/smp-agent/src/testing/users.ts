// Users for tests of agents: each with an agent of his own, whose events are taken one by one.
import { afterAll } from 'vitest'
import {
  type AgentEvent,
  type AgentOptions,
  type ConnectionId,
  type EventOf,
  type EventType,
  openAgent,
  type SmpAgent,
} from '../index.js'
import { memoryStorage, type Storage, type StorageFactory } from './storage.js'

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (value: Uint8Array): string => new TextDecoder().decode(value)

export type UserOptions = Omit<AgentOptions, 'store'>

/** How long an event may take; it only stops hangs. */
const patience = 20_000

export class User {
  readonly #storage: Storage
  #options: UserOptions
  #store: AgentOptions['store'] | undefined
  #agent: SmpAgent | undefined
  #events: AsyncIterator<AgentEvent> | undefined
  #next: Promise<IteratorResult<AgentEvent>> | undefined

  constructor(storage: Storage, options: UserOptions) {
    this.#storage = storage
    this.#options = options
  }

  /** The present one: another after each `start`. */
  get agent(): SmpAgent {
    if (!this.#agent) throw new Error('expected an agent that was started')
    return this.#agent
  }

  /** Between `stop` and `start`. */
  get isStopped(): boolean {
    return !this.#agent
  }

  get store(): AgentOptions['store'] {
    if (!this.#store) throw new Error('expected a store that was opened')
    return this.#store
  }

  /** Opens the agent. `options`: other ones from now on. */
  async start(options: Partial<UserOptions> = {}): Promise<void> {
    this.#options = { ...this.#options, ...options }
    this.#store = await this.#storage.open()
    this.#agent = await openAgent({ store: this.#store, ...this.#options })
    this.#events = this.#agent.events()
    this.#next = undefined
  }

  /** Goes offline. */
  async stop(): Promise<void> {
    const [agent, store] = [this.#agent, this.#store]
    this.#agent = undefined
    this.#store = undefined
    await agent?.close()
    if (store) await this.#storage.close(store)
  }

  async restart(options?: Partial<UserOptions>): Promise<void> {
    await this.stop()
    await this.start(options)
  }

  async drop(): Promise<void> {
    await this.stop()
    await this.#storage.drop()
  }

  /** The next event, whatever it is, not acknowledged. */
  async next(expected = 'an event'): Promise<AgentEvent> {
    const events = this.#events
    if (!events) throw new Error('expected an agent that was started')
    this.#next ??= events.next()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`expected ${expected}, nothing came in ${patience} ms`)), patience)
    })
    const { value, done } = await Promise.race([this.#next, late]).finally(() => clearTimeout(timer))
    this.#next = undefined
    if (done) throw new Error(`expected ${expected}, the agent has ended`, { cause: await this.#agent?.closed })
    return value
  }

  /** The next event, which is of this type; it is not acknowledged. */
  async take<T extends EventType>(type: T): Promise<EventOf<T>> {
    const event = await this.next(`"${type}"`)
    if (!isOf(event, type)) throw new Error(`expected "${type}", got ${describe(event)}`)
    return event
  }

  /** As `take`, acknowledged. */
  async taken<T extends EventType>(type: T): Promise<EventOf<T>> {
    const event = await this.take(type)
    await event.ack()
    return event
  }

  /** The next event of this type, not acknowledged; those of `skipped` before it are acknowledged, others fail. */
  async find<T extends EventType>(type: T, ...skipped: readonly EventType[]): Promise<EventOf<T>> {
    for (;;) {
      const event = await this.next(`"${type}"`)
      if (isOf(event, type)) return event
      if (!skipped.includes(event.type)) throw new Error(`expected "${type}", got ${describe(event)}`)
      await event.ack()
    }
  }

  /** As `find`, acknowledged. */
  async found<T extends EventType>(type: T, ...skipped: readonly EventType[]): Promise<EventOf<T>> {
    const event = await this.find(type, ...skipped)
    await event.ack()
    return event
  }

  /** The texts of the next messages, acknowledged; `sent` events in between are acknowledged, too. */
  async messages(count: number): Promise<string[]> {
    const texts: string[] = []
    while (texts.length < count) texts.push(text((await this.found('message', 'sent')).body))
    return texts
  }
}

function isOf<T extends EventType>(event: AgentEvent, type: T): event is EventOf<T> {
  return event.type === type
}

function describe(event: AgentEvent): string {
  return 'code' in event ? `"${event.type}" ${event.code}: ${event.reason}` : `"${event.type}"`
}

export interface Users {
  /** A user whose agent is open. Dropped after the tests of the file. */
  create(options?: Partial<UserOptions>): Promise<User>
}

/** `options`: of all of them, read when a user is made. */
export function useUsers(options: () => UserOptions, storage: StorageFactory = memoryStorage): Users {
  const users: User[] = []
  afterAll(async () => {
    for (const user of users) await user.drop()
  })
  return {
    async create(own = {}) {
      const user = new User(await storage(), { ...options(), ...own })
      users.push(user)
      await user.start()
      return user
    },
  }
}

/** The two ends of a connection: the first user's, and the second one's. */
export type Ends = readonly [ConnectionId, ConnectionId]

/** `joiner` joins an invitation of `inviter`; all events are acknowledged. */
export async function connectByInvitation(inviter: User, joiner: User): Promise<Ends> {
  const { connection, link } = await inviter.agent.createInvitation()
  const joined = await joiner.agent.join(link, { info: bytes('joiner') })
  await inviter.taken('confirmation')
  await inviter.agent.allow(connection, bytes('inviter'))
  await joiner.taken('info')
  await joiner.taken('connected')
  await inviter.taken('connected')
  return [connection, joined]
}

/** `guest` asks at a new contact address of `owner`; all events are acknowledged. */
export async function connectByAddress(owner: User, guest: User): Promise<Ends> {
  const { link } = await owner.agent.createAddress()
  const connection = await guest.agent.join(link, { info: bytes('guest') })
  const { requestId } = await owner.taken('request')
  const accepted = await owner.agent.accept(requestId, { info: bytes('owner') })
  await guest.taken('confirmation')
  await guest.agent.allow(connection, bytes('guest'))
  await owner.taken('info')
  await owner.taken('connected')
  await guest.taken('connected')
  return [accepted, connection]
}
