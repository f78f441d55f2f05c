// Spec 04 §2.1, §6.2, §7.2: what waits to be sent to one connection, at a bounded cost.
import { packBlocks } from '@smpkit/smp-commands'
import { Fifo } from './fifo.js'
import type { Id } from './queue.js'

/** Lists of transmissions that may wait before the peer counts as one that does not read. */
const maxLists = 128
/** The same for their bytes. */
const maxBytes = 1024 * 1024

interface Entry {
  readonly transmissions: readonly Uint8Array[]
  readonly bytes: number
  /** The queue whose first message follows in the same list. */
  readonly recipientId: Id | null
}

const none: readonly Uint8Array[] = []

export interface OutgoingOptions {
  /** Settles when there is room for the next block; rejects when the connection has ended. */
  send(content: Uint8Array): Promise<void>
  /** The `MSG` event of a queue, made when its turn comes: 16 KB each must not wait. `null`: no longer to be delivered. */
  message(recipientId: Id): Uint8Array | null
}

/**
 * Sends lists of transmissions, in order. A list that was added is never dropped while the connection lasts: whoever has something that
 * can wait looks at `hasRoom` first, and no block is taken from a peer before there is room for its answers.
 */
export class Outgoing {
  readonly #options: OutgoingOptions
  readonly #entries = new Fifo<Entry>()
  #lists = 0
  #bytes = 0
  #sending = false
  #ended = false
  #waiting: (() => void)[] = []

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  get hasRoom(): boolean {
    return this.#lists < maxLists && this.#bytes < maxBytes
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Sends these transmissions in as few blocks as possible; the first message of a queue may follow them at once. */
  add(transmissions: readonly Uint8Array[], recipientId: Id | null = null): void {
    if (transmissions.length === 0 && recipientId === null) return
    const bytes = transmissions.reduce((sum, { length }) => sum + length, 0)
    if (bytes > 0) this.#lists++
    this.#bytes += bytes
    this.#push({ transmissions, bytes, recipientId })
  }

  /** Sends the first message of a queue, in a block of its own. */
  addMessage(recipientId: Id): void {
    this.#push({ transmissions: none, bytes: 0, recipientId })
  }

  /** Settles when there is room, or when the connection has ended. */
  room(): Promise<void> | undefined {
    if (this.hasRoom || this.#ended) return undefined
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Forgets everything; nothing is sent any more. */
  end(): void {
    this.#ended = true
    this.#entries.clear()
    this.#wake()
  }

  #push(entry: Entry): void {
    if (this.#ended) return
    this.#entries.push(entry)
    if (this.#sending) return
    this.#sending = true
    // Not at once: who adds is in the middle of a command.
    queueMicrotask(() => this.#send())
  }

  async #send(): Promise<void> {
    try {
      for (let entry = this.#entries.shift(); entry && !this.#ended; entry = this.#entries.shift()) {
        const message = entry.recipientId === null ? null : this.#options.message(entry.recipientId)
        const list = message ? [...entry.transmissions, message] : entry.transmissions
        for (const block of packBlocks(list)) {
          if ('content' in block) await this.#options.send(block.content)
        }
        if (entry.bytes > 0) this.#lists--
        this.#bytes -= entry.bytes
        if (this.hasRoom) this.#wake()
      }
    } catch {
      // The connection has ended; its reader sees that too.
      this.end()
    }
    this.#sending = false
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting = []
  }
}
