// Spec 04 §6, 02 §5: the messages of one queue.
import type { PrivateAuthKey } from '@smpkit/crypto'
import { decryptMsgBody, type MessageOf, type RcvBody } from '@smpkit/smp-commands'
import { aborted, SmpClientError } from './errors.js'
import type { Stream } from './events.js'
import type { Requester, RequestOptions } from './requests.js'
import type { SessionEvent } from './session-options.js'

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

export type QueueMessages = AsyncGenerator<QueueMessage, undefined>

/** See `SmpClientSession.messages`. */
export async function* queueMessages(
  requester: Requester,
  events: Stream<SessionEvent>,
  queue: ReceivingQueue,
  signal: AbortSignal | undefined,
): QueueMessages {
  const onAbort = () => void events.return()
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted) onAbort()
  try {
    for await (const { message } of events) {
      if (message.tag === 'MSG') yield new QueueMessage(requester, queue, message)
      else if (message.tag === 'END') throw new SmpClientError('ENDED', 'another connection subscribed to the queue')
      else if (message.tag === 'DELD') throw new SmpClientError('DELETED', 'the queue was deleted')
    }
    if (signal?.aborted) throw aborted(signal)
    return undefined
  } finally {
    signal?.removeEventListener('abort', onAbort)
    void events.return()
  }
}
