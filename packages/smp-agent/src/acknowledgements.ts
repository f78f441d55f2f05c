// Spec 13 §13.6: what follows when the application has dealt with an event.
import { get, type Row, remove } from '@smpkit/agent-store'
import type { Context } from './context.js'
import type { AckOptions } from './events.js'
import { isGone } from './failures.js'
import { forgetReceived, receiptQueries, sendReceipt } from './receipts.js'

/** The event does not come again; of a message, the server is told then. @throws RequestError `LARGE` for the info of a receipt */
export async function acknowledgeEvent(
  context: Context,
  row: Row<'events'>,
  { receipt = false }: AckOptions,
): Promise<void> {
  const { connId, eventId, queueNo, brokerId } = row
  const queries = { event: get('events', { eventId }), ...receiptQueries(row) }
  const written = await context
    .step(connId, queries, (step, { event, ...sent }) => {
      if (!event) return undefined
      if (receipt !== false && event.type === 'message') sendReceipt(step, event, receipt === true ? null : receipt)
      if (event.type === 'receipt') forgetReceived(step, sent)
      step.write(remove('events', { eventId }))
      return { queue: step.receiveQueues.find((one) => one.queueNo === queueNo), userId: step.connection.userId }
    })
    .catch(async (error: unknown) => {
      if (!isGone(error)) throw error
      // The connection has gone; only this event tells of it.
      await context.store.atomic({}, () => ({ writes: [remove('events', { eventId })], result: undefined }))
      return undefined
    })
  if (written?.queue && brokerId.length > 0) {
    void context.acknowledge(written.queue, written.userId, brokerId)
  }
}
