// Spec 13 §13.8: what comes through a new queue waits for what is in the old one: that was sent before.
import { find } from '@smpkit/agent-store'
import { toMapKey } from '@smpkit/encoding'
import { queueInformation, SmpReplyError } from '@smpkit/smp-client'
import type { Context } from './context.js'
import { isReply } from './failures.js'
import { recipientOf } from './queues.js'
import type { ReceiveQueue } from './step-rows.js'

/** The old queue may stand still so long, in milliseconds: who does not acknowledge until then gets what is in it later, out of order. */
const maxStandstill = 60_000

export const pause = ({ clock, closing }: Pick<Context, 'clock' | 'closing'>, delay: number): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      cancel()
      closing.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.schedule(end, delay)
    closing.addEventListener('abort', end)
    if (closing.aborted) end()
  })

/** The messages that wait: one of each new queue. */
export class HeldBack {
  readonly #last = new Map<string, symbol>()

  /** `false`: it is not to be taken, as the server has sent it again meanwhile, or the agent is closed. @throws StoreError */
  async wait(context: Context, queue: ReceiveQueue, userId: string): Promise<boolean> {
    const { clock, closing } = context
    const key = `${toMapKey(queue.connId)} ${queue.queueNo}`
    const self = Symbol()
    this.#last.set(key, self)
    try {
      let former: number | undefined
      let since = clock.now()
      for (let delay = 500; ; delay = Math.min(delay * 1.5, 10_000)) {
        const size = await sizeOfOld(context, queue, userId)
        if (closing.aborted || this.#last.get(key) !== self) return false
        if (size !== former) since = clock.now()
        former = size
        if (size === 0 || clock.now() - since >= maxStandstill) return true
        await pause(context, delay)
      }
    } finally {
      if (this.#last.get(key) === self) this.#last.delete(key)
    }
  }
}

/** What is in an old queue that cannot be reached, or was lost, is not waited for. */
async function sizeOfOld(context: Context, { connId, replaces }: ReceiveQueue, userId: string): Promise<number> {
  const { queues } = await context.store.read({ queues: find('receiveQueues', 'byConnection', { connId }) })
  const old = queues.find(({ queueNo }) => queueNo === replaces)
  if (!old) return 0
  const size = await sizeOf(context, old, userId, context.closing).catch(() => 0)
  return size ?? (await countOpen(context, old))
}

/** How many messages the server has; `undefined` if it is one that does not tell. @throws SmpError */
export async function sizeOf(
  { network }: Context,
  queue: ReceiveQueue,
  userId: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const { qiSize } = await queueInformation(network.recipient(queue.server, userId), recipientOf(queue), { signal })
    return qiSize
  } catch (error) {
    if (error instanceof SmpReplyError && !error.temporary && !isReply(error, 'AUTH')) return undefined
    throw error
  }
}

/** The messages of a queue that the application has not acknowledged: while there is one, more may follow. */
export async function countOpen({ store }: Context, { connId, queueNo }: ReceiveQueue): Promise<number> {
  const { events } = await store.read({ events: find('events', 'byConnection', { connId }) })
  return events.filter(({ type, queueNo: no }) => type === 'message' && no === queueNo).length
}
