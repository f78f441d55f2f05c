// Spec 13 §13.6: what follows when the application has dealt with an event.
import { get, type Row, remove } from '@smpkit/agent-store'
import type { Context } from './context.js'
import type { AckOptions } from './events.js'
import { isGone } from './failures.js'
import { forgetReceived, receiptQueries, sendReceipt } from './receipts.js'
import type { Step } from './step.js'

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
