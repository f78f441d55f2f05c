// Spec 30 §4: what carries messages both ways, as an agent connection does.

export interface ReceivedMessage {
  readonly bytes: Uint8Array
  /** The agent's message id as a text of base64url: it takes the place of a missing request id. */
  readonly id?: string
  /** Called once the message needs not come again. */
  ack?(): Promise<void>
}

export interface MessageSender {
  /** Settles when the message is taken over for delivery. */
  send(bytes: Uint8Array, options?: { readonly signal?: AbortSignal }): Promise<void>
}

/** Iterated once. A message that was not acknowledged may come again. */
export interface MessageChannel extends MessageSender, AsyncIterable<ReceivedMessage> {}

/** One end of a pair. */
export interface PipeEnd extends MessageChannel {
  /** Ends what this end sends: the other end reads what was sent before, then its end. */
  close(): void
}

/** Two ends in memory, for tests and examples; what waits to be read is not bounded. */
export function messagePipe(): [PipeEnd, PipeEnd] {
  const [left, right] = [new Mailbox(), new Mailbox()]
  const end = (own: Mailbox, other: Mailbox): PipeEnd => ({
    async send(bytes) {
      other.put(bytes.slice())
    },
    [Symbol.asyncIterator]: () => own.read(),
    close: () => other.close(),
  })
  return [end(left, right), end(right, left)]
}

class Mailbox {
  readonly #waiting: Uint8Array[] = []
  #isClosed = false
  #wake = () => {}

  put(bytes: Uint8Array): void {
    if (this.#isClosed) throw new Error('expected an open pipe, it was closed')
    this.#waiting.push(bytes)
    this.#wake()
  }

  close(): void {
    this.#isClosed = true
    this.#wake()
  }

  async *read(): AsyncGenerator<ReceivedMessage, undefined> {
    for (;;) {
      const bytes = this.#waiting.shift()
      if (bytes) {
        yield { bytes }
      } else if (this.#isClosed) {
        return undefined
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
