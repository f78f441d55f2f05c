// An agent without a network: a test says what its peers do, and sees what they are sent.
import { RequestError, type SmpAgent } from '@smpkit/smp-agent'

type Event = { readonly type: string; readonly connection: string; ack(): Promise<void> }

export class FakeAgent {
  readonly sent: { readonly connection: string; readonly text: string }[] = []
  readonly deleted: string[] = []
  /** Besides the address, which is `address`. */
  readonly present = new Set<string>()
  /** What `send` and `deleteConnection` are refused with. */
  refuse: (connection: string) => RequestError | undefined = () => undefined
  acked = 0
  #pending: Event[] = []
  #wake = () => {}
  #nextId = 1n

  /** With the methods that the door calls. */
  get agent(): SmpAgent {
    return this as unknown as SmpAgent
  }

  emit(type: string, connection: string, fields: object = {}): void {
    const ack = async () => void this.acked++
    this.#pending.push({ type, connection, ack, ...fields })
    this.#wake()
  }

  message(connection: string, text: string): void {
    this.emit('message', connection, { body: new TextEncoder().encode(text), sentId: this.#nextId++ })
  }

  /** What a connection was sent. */
  answers(connection: string): string[] {
    return this.sent.filter((one) => one.connection === connection).map(({ text }) => text)
  }

  async *events({ signal }: { signal: AbortSignal }): AsyncGenerator<Event> {
    while (!signal.aborted) {
      yield* this.#pending.splice(0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  async send(connection: string, body: Uint8Array): Promise<number> {
    const error = this.refuse(connection)
    if (error) throw error
    return this.sent.push({ connection, text: new TextDecoder().decode(body) })
  }

  async accept(requestId: string): Promise<string> {
    this.present.add(requestId)
    return requestId
  }

  async deleteConnection(connection: string): Promise<void> {
    const error = this.refuse(connection)
    if (error) throw error
    this.deleted.push(connection)
    this.present.delete(connection)
  }

  async connection(connection: string) {
    if (connection === 'address') return { mode: 'contact' }
    if (this.present.has(connection)) return { mode: 'invitation' }
    throw new RequestError('NOT_FOUND', 'expected a connection')
  }

  async *connections() {
    yield { connection: 'address', mode: 'contact', isBeingDeleted: false }
    for (const connection of this.present) yield { connection, mode: 'invitation', isBeingDeleted: false }
  }

  async links() {
    return { link: 'simplex:/contact', shortLink: null }
  }
}
