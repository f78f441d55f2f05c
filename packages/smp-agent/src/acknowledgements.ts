// Spec 13 §13.6: what follows when the application has dealt with an event.
import { get, type Row, remove } from '@smpkit/agent-store'
import { acknowledge, SmpError, SmpReplyError } from '@smpkit/smp-client'
import type { Context } from './context.js'
import type { AckOptions } from './events.js'
import { isGone } from './failures.js'
import { pause } from './held-back.js'
import { recipientOf } from './queues.js'
import { forgetReceived, receiptQueries, sendReceipt } from './receipts.js'
import type { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'

/** Before the server is told again, in milliseconds. */
const firstDelay = 500
const maxDelay = 30_000

type Acknowledging = Pick<Context, 'clock' | 'closing' | 'isSubscribed'> & {
  readonly network: Pick<Context['network'], 'recipient'>
}

/**
 * `ACK`, until the server has it: before, nothing more comes from the queue. Where the session is lost, or the queue is fetched from, the message
 * comes again and is acknowledged then.
 */
export async function acknowledgeMessage(
  context: Acknowledging,
  queue: ReceiveQueue,
  userId: string,
  brokerId: Uint8Array,
): Promise<void> {
  const { closing, network } = context
  const server = network.recipient(queue.server, userId)
  for (let delay = firstDelay; !closing.aborted; delay = Math.min(delay * 1.5, maxDelay)) {
    try {
      return await acknowledge(server, recipientOf(queue), brokerId, { signal: closing })
    } catch (error) {
      if (!isUnheard(error) || !context.isSubscribed(queue)) return
      await pause(context, delay)
    }
  }
}

/** The session goes on, and the server has not done it, as far as we know. */
const isUnheard = (error: unknown): boolean =>
  error instanceof SmpError && error.temporary && (error instanceof SmpReplyError || error.code === 'TIMEOUT')

/** The event does not come again; of a message, the server is told then. @throws RequestError `LARGE` for the info of a receipt */
export async function acknowledgeEvent(
  context: Context,
  row: Row<'events'>,
  { receipt = false }: AckOptions,
): Promise<void> {
  const { connId, eventId, queueNo, brokerId } = row
  const queries = { event: get('events', { eventId }) }
  const close = (step: Step) => {
    step.write(remove('events', { eventId }))
    return { queue: step.receiveQueues.find((one) => one.queueNo === queueNo), userId: step.connection.userId }
  }
  const closing =
    row.type === 'receipt'
      ? context.step(connId, { ...queries, ...receiptQueries(row) }, (step, { event, ...found }) => {
          if (event) forgetReceived(step, found)
          return event && close(step)
        })
      : context.step(connId, queries, (step, { event }) => {
          if (event?.type === 'message' && receipt !== false)
            sendReceipt(step, event, receipt === true ? null : receipt)
          return event && close(step)
        })
  const closed = await closing.catch(async (error: unknown) => {
    if (!isGone(error)) throw error
    // The connection has gone; only this event tells of it.
    await context.store.atomic({}, () => ({ writes: [remove('events', { eventId })], result: undefined }))
    return undefined
  })
  if (closed?.queue && brokerId.length > 0) void context.acknowledge(closed.queue, closed.userId, brokerId)
}
