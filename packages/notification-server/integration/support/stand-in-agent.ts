// An agent whose connections are the test's own: what it sends on them, and what comes back.
import type { AgentEvent, SmpAgent } from '@smpkit/smp-agent'

export class StandInAgent {
  readonly #events: AgentEvent[] = []
  #wake = () => {}
  #eventId = 0
  /** What was sent to each connection and not taken. */
  readonly sent = new Map<string, Uint8Array[]>()
  readonly deleted: string[] = []

  get agent(): SmpAgent {
    return this as unknown as SmpAgent
  }

  #emit(connection: string, event: object): Promise<void> {
    return new Promise((resolve) => {
      const eventId = ++this.#eventId
      const base = { connection, eventId, id: eventId, redelivered: false, ack: async () => resolve() }
      this.#events.push({ ...base, ...event } as unknown as AgentEvent)
      this.#wake()
    })
  }

  /** Settles when it was acknowledged. */
  connect(connection: string): Promise<void> {
    return this.#emit(connection, { type: 'connected' })
  }

  /** Settles when it was acknowledged. */
  message(connection: string, body: Uint8Array, sentId: bigint): Promise<void> {
    return this.#emit(connection, { type: 'message', sentId, body })
  }

  take(connection: string): Uint8Array[] {
    const sent = this.sent.get(connection) ?? []
    this.sent.set(connection, [])
    return sent
  }

  async *events({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<AgentEvent> {
    signal.addEventListener('abort', () => this.#wake())
    while (!signal.aborted) {
      const event = this.#events.shift()
      if (event) yield event
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  async send(connection: string, body: Uint8Array): Promise<number> {
    this.sent.set(connection, [...(this.sent.get(connection) ?? []), body])
    return 1
  }

  async *connections(): AsyncGenerator<never> {}

  async createAddress(): Promise<object> {
    return { link: 'simplex:/contact' }
  }

  async deleteConnection(connection: string): Promise<void> {
    this.deleted.push(connection)
  }
}
