// Spec 04 §6.2: the messages of single queues of a pool's server, across its sessions.
import { equalBytes, toMapKey } from '@smpkit/encoding'
import type { Command } from '@smpkit/smp-commands'
import { Changes } from './changes.js'
import { type SmpError, SmpReplyError } from './errors.js'
import type { QueueEvent } from './queue-messages.js'
import type { Answer, Request, Requester, RequestOptions } from './requests.js'
import type { SessionEvent } from './session-options.js'
import { isFinal, type Subscription } from './subscriptions.js'

/**
 * The latest event of one queue. One place is enough: a server delivers a message only when the one before is acknowledged, or
 * the same again.
 */
export class Mailbox implements AsyncIterator<QueueEvent, undefined>, Requester {
  readonly #server: Requester
  readonly #onReturn: () => void
  readonly #changes = new Changes<Mailbox, QueueEvent>(() => this.#latest as QueueEvent)
  #latest: QueueEvent | undefined

  constructor(server: Requester, onReturn: () => void) {
    this.#server = server
    this.#onReturn = onReturn
  }

  push(event: QueueEvent): void {
    this.#latest = event
    this.#changes.add(this)
  }

  /** What waits can still be taken. */
  end(): void {
    this.#changes.end()
  }

  next(): Promise<IteratorResult<QueueEvent, undefined>> {
    return this.#changes.next()
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#changes.delete(this)
    this.#changes.end()
    this.#onReturn()
    return { value: undefined, done: true }
  }

  /** For the `ACK`s of its messages: a session that was lost is no reason to fail, as what is still in the queue comes again. */
  async request<C extends Command>(request: Request<C>, options?: RequestOptions): Promise<Answer<C['tag']>> {
    try {
      const answer = await this.#server.request(request, options)
      this.#forget(request.command)
      return answer
    } catch (error) {
      if (request.command.tag === 'ACK' && comesAgain(error)) return { tag: 'OK' } as Answer<C['tag']>
      throw error
    }
  }

  /** A new session may have delivered it again before it was acknowledged. */
  #forget(command: Command): void {
    const message = this.#latest?.message
    if (command.tag !== 'ACK' || message?.tag !== 'MSG') return
    if (equalBytes(message.msgId, command.msgId)) this.#changes.delete(this)
  }
}

/** Of the queues that somebody iterates. */
export class Mailboxes {
  readonly #all = new Map<string, Mailbox>()

  open(server: Requester, recipientId: Uint8Array, onReturn: () => void): Mailbox {
    const key = toMapKey(recipientId)
    if (this.#all.has(key)) throw new TypeError('expected a queue that nobody iterates yet')
    const mailbox: Mailbox = new Mailbox(server, () => {
      if (this.#all.get(key) !== mailbox) return
      this.#all.delete(key)
      onReturn()
    })
    this.#all.set(key, mailbox)
    return mailbox
  }

  /** Whether somebody iterates the queue of the event. What is not `current` comes again in the current session. */
  takes({ entityId, message }: SessionEvent, current: boolean): boolean {
    if (message.tag !== 'MSG' && message.tag !== 'ERR') return false
    const mailbox = this.#all.get(toMapKey(entityId))
    if (current) mailbox?.push({ message })
    return mailbox !== undefined
  }

  /** Ends the iteration of a queue that is not subscribed any more. */
  onSubscription({ table, id, result, error }: Subscription): void {
    if (table.definition.kind !== 'messages' || !isFinal(result) || !error) return
    this.#all.get(id)?.push({ error })
  }

  end(): void {
    for (const mailbox of this.#all.values()) mailbox.end()
  }
}

function comesAgain(error: unknown): boolean {
  if (error instanceof SmpReplyError) return error.code === 'NO_MSG'
  return (error as SmpError).temporary === true
}
