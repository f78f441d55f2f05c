// Two agents that connect and write to each other, and a count of what happens to each.
import type { AgentStore } from '@smpkit/agent-store'
import {
  type AgentEvent,
  type AgentOptions,
  type ConnectionId,
  type EventType,
  openAgent,
  type SmpAgent,
} from '@smpkit/smp-agent'

const noInfo = new Uint8Array(0)

/** An agent whose events are acknowledged as they come, without waiting for one before the next. */
export class User {
  readonly #counts = new Map<EventType, number>()
  readonly #reading: Promise<void>
  #wake = () => {}

  private constructor(
    readonly agent: SmpAgent,
    readonly store: AgentStore,
  ) {
    this.#reading = this.#read()
  }

  static async open(store: AgentStore, server: string, options: Pick<AgentOptions, 'pqSupport'> = {}): Promise<User> {
    return new User(await openAgent({ store, servers: [server], ...options }), store)
  }

  async #read(): Promise<void> {
    for await (const event of this.agent.events()) void this.#handle(event)
  }

  async #handle(event: AgentEvent): Promise<void> {
    const { type, connection } = event
    if (type === 'failed' || type === 'error' || type === 'notSent') throw new Error(`${event.code}: ${event.reason}`)
    if (type === 'confirmation') await this.agent.allow(connection, noInfo)
    await event.ack()
    this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1)
    this.#wake()
  }

  /** Settles when `count` more events of a type were acknowledged. */
  async next(type: EventType, count: number): Promise<void> {
    while ((this.#counts.get(type) ?? 0) < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#counts.set(type, (this.#counts.get(type) ?? 0) - count)
  }

  async close(): Promise<void> {
    await this.agent.close()
    await this.#reading
    await this.store.close()
  }
}

/** Makes `count` connections by invitations at the same time; those of the one who joins. */
export async function connectUsers(inviter: User, joiner: User, count: number): Promise<ConnectionId[]> {
  const connections = Promise.all(
    Array.from({ length: count }, async () => {
      const { link } = await inviter.agent.createInvitation()
      return joiner.agent.join(link, { info: noInfo })
    }),
  )
  await Promise.all([inviter, joiner].map((user) => user.next('connected', count)))
  return connections
}
