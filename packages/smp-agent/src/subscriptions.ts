// Spec 13 §13.7: our queues at their servers, and what comes from them.
import { toMapKey } from '@smpkit/encoding'
import type { PooledServer, SmpPool, SubscriptionOutcome } from '@smpkit/smp-client'
import { type ConnectionId, idFromText, idToText } from './connection-id.js'
import type { Context } from './context.js'
import { isGone, isTemporary, problemOf } from './failures.js'
import type { ServerTexts } from './network.js'
import { recipientOf } from './queues.js'
import { receive } from './receive.js'
import type { ReceiveQueue } from './step-rows.js'

/** Text and number instead of bytes: there may be very many. */
interface QueueOfConnection {
  readonly connection: ConnectionId
  readonly queueNo: number
}

export interface SubscriptionsOptions {
  readonly context: () => Context
  readonly pool: SmpPool
  readonly texts: ServerTexts
  /** A mistake of ours, or a store that is gone for good. */
  readonly onError: (error: unknown) => void
  /** A server can be reached again. */
  readonly onUp: () => void
}

function lossOf({ result, error }: SubscriptionOutcome): { code: string; reason: string } {
  if (result === 'ended') {
    return { code: 'ENDED', reason: 'another client has subscribed to a queue of the connection' }
  }
  if (result === 'deleted' || error?.code === 'AUTH') {
    return { code: 'QUEUE_LOST', reason: 'the server has no such queue any more' }
  }
  return problemOf(error)
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #queues = new Map<PooledServer, Map<string, QueueOfConnection>>()
  readonly #running = new Set<Promise<void>>()
  readonly #loops: Promise<void>[]

  constructor(options: SubscriptionsOptions) {
    this.#options = options
    this.#loops = [this.#readEvents(), this.#readOutcomes(), this.#readStatus()]
  }

  async add(queues: readonly { queue: ReceiveQueue; userId: string }[]): Promise<void> {
    const { pool, texts } = this.#options
    const byServer = new Map<PooledServer, { id: Uint8Array; key: ReturnType<typeof recipientOf>['recipientKey'] }[]>()
    for (const { queue, userId } of queues) {
      const server = pool.server(texts.parse(queue.server), userId)
      const known = this.#queues.get(server) ?? new Map<string, QueueOfConnection>()
      this.#queues.set(server, known)
      known.set(toMapKey(queue.recipientId), { connection: idToText(queue.connId), queueNo: queue.queueNo })
      const list = byServer.get(server) ?? []
      byServer.set(server, list)
      list.push({ id: queue.recipientId, key: recipientOf(queue).recipientKey })
    }
    await Promise.all([...byServer].map(([server, list]) => server.subscribe('messages', list)))
  }

  remove(queues: readonly { queue: ReceiveQueue; userId: string }[]): void {
    const { pool, texts } = this.#options
    for (const { queue, userId } of queues) {
      const server = pool.server(texts.parse(queue.server), userId)
      this.#queues.get(server)?.delete(toMapKey(queue.recipientId))
      server.unsubscribe('messages', [queue.recipientId])
    }
  }

  /** One message of a queue at a time comes from a server, so those of one queue stay in order. */
  async #readEvents(): Promise<void> {
    for await (const { server, entityId, message } of this.#options.pool.events) {
      if (message.tag !== 'MSG') continue
      const queue = this.#queues.get(server)?.get(toMapKey(entityId))
      if (!queue) continue
      const ref = { connId: idFromText(queue.connection), queueNo: queue.queueNo }
      const work = receive(this.#options.context(), ref, message)
        .catch((error: unknown) => this.#options.onError(error))
        .finally(() => this.#running.delete(work))
      this.#running.add(work)
    }
  }

  /** What is refused for good: the server has lost the queue, or another client has it. */
  async #readOutcomes(): Promise<void> {
    for await (const outcome of this.#options.pool.outcomes) {
      const isFinal = outcome.result !== 'ok' && outcome.result !== 'pending'
      if (!isFinal || outcome.kind !== 'messages') continue
      const queue = this.#queues.get(outcome.server)?.get(toMapKey(outcome.id))
      if (queue) await this.#onLost(queue, outcome).catch((error: unknown) => this.#options.onError(error))
    }
  }

  async #onLost({ connection, queueNo }: QueueOfConnection, outcome: SubscriptionOutcome): Promise<void> {
    const context = this.#options.context()
    try {
      await context.step(idFromText(connection), {}, (step) => {
        // Of one that we have deleted nothing is lost: the answer to `DEL` did not reach us.
        const isWanted = step.receiveQueues.some((queue) => queue.queueNo === queueNo && !queue.deleted)
        if (isWanted) step.event('failed', lossOf(outcome))
      })
    } catch (problem) {
      if (!isGone(problem) && !isTemporary(problem)) throw problem
    }
  }

  async #readStatus(): Promise<void> {
    for await (const { status } of this.#options.pool.status) if (status === 'up') this.#options.onUp()
  }

  /** After the pool was closed: settles when what was received is dealt with. */
  async ended(): Promise<void> {
    await Promise.all(this.#loops)
    await Promise.all(this.#running)
  }
}

/** One that was replaced is read until it is empty. */
export const isSubscribable = ({ deleted, switchStatus }: ReceiveQueue): boolean =>
  !deleted || switchStatus === 'receivedMessage'
