// A notification server behind its contact address, phones with agents and clients, and people who write to them.
import { openMemoryStore } from '@smpkit/agent-store'
import {
  createNotificationServer,
  memoryStore,
  type NotificationServer,
  poolSubscriber,
} from '@smpkit/notification-server'
import { serviceDoor } from '@smpkit/notification-server/service'
import { consoleProvider, type NotificationData, type Push } from '@smpkit/push-providers'
import { type AgentEvent, type ConnectionId, type ConnectionInfo, openAgent, type SmpAgent } from '@smpkit/smp-agent'
import { SmpPool } from '@smpkit/smp-client'
import type { SmpServer } from '@smpkit/smp-server'
import { onTestFinished } from 'vitest'
import { type NotificationClient, type NotificationClientOptions, openNotificationClient } from '../client.js'
import { type ClientState, memoryState } from '../state.js'
import type { NotificationStatus } from '../status.js'

const bytes = (text: string) => new TextEncoder().encode(text)

/** What its process leaves is taken up by the next one. */
export class TestService {
  readonly agentStore = openMemoryStore()
  readonly store = memoryStore()
  readonly pushes: Push[] = []
  readonly #deliver = new Map<unknown, (data: NotificationData) => void>()
  #running: { readonly server: NotificationServer; readonly agent: SmpAgent; stop(): Promise<void> } | undefined
  address = ''

  constructor(readonly smp: SmpServer) {
    onTestFinished(() => this.stop())
  }

  get server(): NotificationServer {
    if (!this.#running) throw new Error('expected a service that runs')
    return this.#running.server
  }

  async start(): Promise<this> {
    const agent = await openAgent({ store: this.agentStore, servers: [this.smp.addressText] })
    const door = serviceDoor({ agent, name: 'wake-up' })
    const deliver = (push: Push) => {
      this.pushes.push(push)
      this.#deliver.get(push.token)?.(push.notificationData)
    }
    const server = await createNotificationServer({
      // Our SMP server is at an address of this machine.
      subscriber: poolSubscriber(new SmpPool()),
      store: this.store,
      providers: [consoleProvider({ write() {}, deliver })],
      doors: [door],
    })
    this.#running = {
      server,
      agent,
      async stop() {
        await server.close()
        await agent.close()
      },
    }
    this.address = (await door.address()).link
    return this
  }

  async stop(): Promise<void> {
    await this.#running?.stop()
    this.#running = undefined
  }

  tokens() {
    return this.store.page('tokens', { after: '', limit: 100 })
  }

  subscriptions() {
    return this.store.page('subscriptions', { after: '', limit: 100 })
  }

  /** Deletes the connection of a client. */
  async drop(owner: string): Promise<void> {
    await this.#running?.agent.deleteConnection(owner)
    const isThere = async () => {
      const found = await this.#running?.agent.connection(owner).catch(() => undefined)
      return found !== undefined
    }
    while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  /** Pushes to this token go there, and no more to whom they went. */
  route(token: string, to: (data: NotificationData) => void): void {
    this.#deliver.set(token, to)
  }

  /** The kinds of all pushes to a token. */
  kinds(token: string): string[] {
    return this.pushes.filter((push) => push.token === token).map(({ kind }) => kind)
  }
}

/** An agent whose events are read. */
export class Person {
  readonly messages: string[] = []
  readonly events: AgentEvent[] = []
  readonly connected = new Set<ConnectionId>()
  client: NotificationClient | undefined
  #reading: Promise<void>
  readonly #changed = new Set<() => void>()

  constructor(readonly agent: SmpAgent) {
    this.#reading = this.#read()
    onTestFinished(() => this.stop())
  }

  static async open(smp: SmpServer, { store = openMemoryStore(), subscribe = true } = {}): Promise<Person> {
    return new Person(await openAgent({ store, servers: [smp.addressText], subscribe }))
  }

  async stop(): Promise<void> {
    await this.client?.close()
    await this.agent.close()
    await this.#reading
  }

  async #read(): Promise<void> {
    try {
      for await (const event of this.agent.events()) {
        if (!(await this.client?.handle(event))) await this.#onEvent(event)
        for (const look of this.#changed) look()
      }
    } catch {
      // The agent was closed.
    }
  }

  async #onEvent(event: AgentEvent): Promise<void> {
    this.events.push(event)
    if (event.type === 'message') this.messages.push(new TextDecoder().decode(event.body))
    if (event.type === 'confirmation') await this.agent.allow(event.connection, bytes(''))
    if (event.type === 'connected') this.connected.add(event.connection)
    await event.ack()
  }

  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20)
        const look = () => {
          clearTimeout(timer)
          this.#changed.delete(look)
          resolve()
        }
        this.#changed.add(look)
      })
    }
  }

  async infos(): Promise<ConnectionInfo[]> {
    const infos: ConnectionInfo[] = []
    for await (const info of this.agent.connections()) infos.push(info)
    return infos
  }

  /** A connection with somebody new, who then can `say` something. */
  async meet(other: Person): Promise<{ connection: ConnectionId; say(text: string): Promise<number> }> {
    const { connection, link } = await this.agent.createInvitation()
    const theirs = await other.agent.join(link, { info: bytes('') })
    await this.until(() => this.connected.has(connection) && other.connected.has(theirs))
    await this.agent.setNotifications(connection, true)
    return { connection, say: (text) => other.agent.send(theirs, bytes(text)) }
  }
}

/** A person with a device. */
export class Phone extends Person {
  state: ClientState = memoryState()

  static override async open(smp: SmpServer, options: Parameters<typeof Person.open>[1] = {}): Promise<Phone> {
    const { store = openMemoryStore(), subscribe = true } = options
    return new Phone(await openAgent({ store, servers: [smp.addressText], subscribe }))
  }

  async openClient(
    service: TestService,
    { token = 'a phone', ...options }: Partial<NotificationClientOptions> & { token?: string } = {},
  ): Promise<NotificationClient> {
    const device = { provider: 'console', token }
    const client = await openNotificationClient({
      agent: this.agent,
      server: service.address,
      device,
      state: this.state,
      ...options,
    })
    this.client = client
    service.route(token, (data) => void client.received(data).catch(() => {}))
    return client
  }
}

/** Delays are a hundredth of what they are; requests have as much time as ever. */
export const fastClock = {
  clock: {
    schedule(callback: () => void, delay: number) {
      const timer = setTimeout(callback, delay / 100)
      return () => clearTimeout(timer)
    },
  },
  timeout: 6_000_000,
}

export async function untilStatus(
  client: NotificationClient,
  condition: (status: NotificationStatus) => boolean,
): Promise<NotificationStatus> {
  for await (const status of client.changes()) if (condition(status)) return status
  throw new Error('expected another status before the end')
}

export const untilReady = (client: NotificationClient, subscribed: number) =>
  untilStatus(client, (status) => status.phase === 'ready' && status.subscribed === subscribed)
