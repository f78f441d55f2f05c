// A client of the tests: one block at a time, every received block kept as it came.
import { type PrivateAuthKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import {
  authorize,
  type BlockConnection,
  type BrokerMessage,
  type ClientSession,
  type Command,
  errorTypeCode,
  packBlock,
  parseBlock,
  receiveMessage,
} from '@smpkit/smp-commands'

export interface Request {
  command: Command
  entityId?: Uint8Array
  key?: PrivateAuthKey | null
  corrId?: Uint8Array
}

export interface Received {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  readonly message: BrokerMessage
}

const empty = new Uint8Array(0)

export class TestClient {
  /** Everything that came, block by block. */
  readonly blocks: Received[][] = []
  /** Messages without correlation id that nobody took yet. */
  readonly events: Received[] = []
  readonly #waiting = new Map<string, (received: Received) => void>()
  #eventTaker: ((event: Received) => void) | undefined
  readonly ended: Promise<void>

  constructor(readonly connection: BlockConnection<ClientSession>) {
    this.ended = this.#receive()
  }

  get session(): ClientSession {
    return this.connection.session
  }

  /** Sends one command in a block of its own. */
  async request(command: Command, options: Omit<Request, 'command'> = {}): Promise<BrokerMessage> {
    const [answer] = await this.requestAll([{ command, ...options }])
    return answer as BrokerMessage
  }

  /** Sends commands in one block; the answers in the order of the commands. */
  async requestAll(requests: readonly Request[]): Promise<BrokerMessage[]> {
    const corrIds = requests.map(({ corrId }) => corrId ?? randomBytes(24))
    const answers = corrIds.map((corrId) => this.answer(corrId))
    await this.send(requests.map((request, i) => this.transmission({ ...request, corrId: corrIds[i] as Uint8Array })))
    return (await Promise.all(answers)).map(({ message }) => message)
  }

  transmission({ command, entityId = empty, key = null, corrId = randomBytes(24) }: Request): Uint8Array {
    return authorize(this.session, { corrId, entityId, command, key }).transmission
  }

  send(transmissions: readonly Uint8Array[]): Promise<void> {
    return this.connection.send(packBlock(transmissions))
  }

  /** What will come with this correlation id. */
  answer(corrId: Uint8Array): Promise<Received> {
    return new Promise((resolve) => this.#waiting.set(toHex(corrId), resolve))
  }

  /** The next message without correlation id. */
  event(): Promise<Received> {
    const event = this.events.shift()
    if (event) return Promise.resolve(event)
    return new Promise((resolve) => {
      this.#eventTaker = resolve
    })
  }

  /** The events that have been sent to this client until now. */
  async settledEvents(): Promise<Received[]> {
    await this.request({ tag: 'PING' })
    return this.events.splice(0)
  }

  close(): Promise<void> {
    return this.connection.close()
  }

  async #receive(): Promise<void> {
    for await (const block of this.connection) {
      const items = parseBlock(block).map((bytes) => this.#read(bytes))
      this.blocks.push(items)
      for (const item of items) this.#dispatch(item)
    }
  }

  #read(bytes: Uint8Array): Received {
    const { corrId, entityId, message, error } = receiveMessage(this.session, bytes)
    if (!message) throw new Error(`the server sent something unreadable: ${errorTypeCode(error)}`)
    return { corrId, entityId, message }
  }

  #dispatch(item: Received): void {
    const key = toHex(item.corrId)
    const taker = this.#waiting.get(key) ?? this.#eventTaker
    if (!this.#waiting.delete(key)) this.#eventTaker = undefined
    if (taker) taker(item)
    else this.events.push(item)
  }
}

/** `ERR AUTH`, or the tag of another message. */
export function brief(message: BrokerMessage): string {
  return message.tag === 'ERR' ? `ERR ${errorTypeCode(message.error)}` : message.tag
}
