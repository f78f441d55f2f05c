// Spec 04 §6, 02 §5: the messages of one queue.
import type { PrivateAuthKey } from '@smpkit/crypto'
import { onAbort } from '@smpkit/encoding/internal'
import { decryptMsgBody, type MessageOf, type RcvBody } from '@smpkit/smp-commands'
import { aborted, SmpClientError, type SmpError, SmpReplyError } from './errors.js'
import type { Requester, RequestOptions } from './requests.js'
import type { EventMessage } from './session-options.js'

/** What a recipient needs for its queue. */
export interface ReceivingQueue {
  readonly recipientId: Uint8Array
  readonly recipientKey: PrivateAuthKey
  /** 32 bytes, shared by the DH keys of `NEW` and `IDS`. */
  readonly secret: Uint8Array
}

/** A message that waits to be acknowledged. */
export class QueueMessage {
  readonly #requester: Requester
  readonly #queue: ReceivingQueue
  readonly #message: MessageOf<'MSG'>

  constructor(requester: Requester, queue: ReceivingQueue, message: MessageOf<'MSG'>) {
    this.#requester = requester
    this.#queue = queue
    this.#message = message
  }

  /** 24 bytes; the same when the message is delivered again. */
  get id(): Uint8Array {
    return this.#message.msgId
  }

  /**
   * Decrypts the message, or the marker that the queue was full. Its body is a view into an array of 16 KB of its own.
   * @throws CryptoError `DECRYPT`, DecodeError: the server or the sender is broken. Acknowledge it to get the next one.
   */
  open(): RcvBody {
    return decryptMsgBody(this.#queue.secret, this.#message.msgId, this.#message.encBody)
  }

  /**
   * Tells the server to delete the message; the next one follows. Save what is in it before.
   * @throws SmpReplyError `NO_MSG` if the subscription has moved to another connection
   */
  async ack(options: RequestOptions = {}): Promise<void> {
    await this.#requester.request(
      { command: { tag: 'ACK', msgId: this.id }, entityId: this.#queue.recipientId, key: this.#queue.recipientKey },
      options,
    )
  }
}

/** The messages of one queue, each to one taker. See `messages` of `SmpClientSession` and `PooledServer`. */
export class QueueMessages implements AsyncIterableIterator<QueueMessage, undefined> {
  readonly #requester: Requester
  readonly #events: AsyncIterator<QueueEvent, undefined>
  readonly #queue: ReceivingQueue
  readonly #signal: AbortSignal | undefined
  readonly #cancel: () => void

  /** @param events of the queue only; its `return` ends it also while `next` waits */
  constructor(
    requester: Requester,
    events: AsyncIterator<QueueEvent, undefined>,
    queue: ReceivingQueue,
    signal: AbortSignal | undefined,
  ) {
    this.#requester = requester
    this.#events = events
    this.#queue = queue
    this.#signal = signal
    const leave = () => void this.return()
    this.#cancel = onAbort(signal, leave)
    if (signal?.aborted) leave()
  }

  async next(): Promise<IteratorResult<QueueMessage, undefined>> {
    for (let { value } = await this.#events.next(); value; { value } = await this.#events.next()) {
      const { message } = value
      if (message?.tag === 'MSG') {
        return { value: new QueueMessage(this.#requester, this.#queue, message), done: false }
      }
      const error = value.error ?? endOf(value.message)
      if (!error) continue
      await this.return()
      throw error
    }
    if (this.#signal?.aborted) throw aborted(this.#signal)
    return this.return()
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#cancel()
    await this.#events.return?.()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** An event of a queue, or why there are no more. */
export type QueueEvent =
  | { readonly message: EventMessage; readonly error?: undefined }
  | { readonly error: SmpError; readonly message?: undefined }

function endOf(message: EventMessage): SmpError | undefined {
  switch (message.tag) {
    case 'END':
      return new SmpClientError('ENDED', 'another connection subscribed to the queue')
    case 'DELD':
      return new SmpClientError('DELETED', 'the queue was deleted')
    case 'ERR':
      return new SmpReplyError(message.error)
    default:
      return undefined
  }
}
