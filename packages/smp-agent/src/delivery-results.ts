// Spec 13 §13.3, §13.5, §13.8: what follows when the server has a message of ours, or never will.
import { find, get, type Row, remove, update } from '@smpkit/agent-store'
import type { Context } from './context.js'
import { finishDeletion } from './deletion.js'
import { onQueueKeyDelivered, onQueueTestDelivered } from './rotation-send.js'
import type { Step } from './step.js'
import type { SendQueue } from './step-rows.js'

type Message = Row<'messages'>

const noBytes = new Uint8Array(0)

/** `deliveries`: of the message; after a test of a new queue, all of the connection. */
const queriesOf = ({ connId, messageId, type }: Message) => ({
  deliveries:
    type === 'queueTest'
      ? find('deliveries', 'byConnection', { connId })
      : find('deliveries', 'byMessage', { connId, messageId }),
  stored: get('messages', { connId, messageId }),
})

/** Removes the delivery, and with the last one the message, or its body if a receipt may come. Whether it was the last one. */
function dropDelivery(
  step: Step,
  message: Message,
  queueNo: number,
  deliveries: readonly Row<'deliveries'>[],
): boolean {
  const { connId, messageId, type } = message
  step.write(remove('deliveries', { connId, queueNo, messageId }))
  const isLast = deliveries.every((delivery) => delivery.queueNo === queueNo || delivery.messageId !== messageId)
  if (isLast && type === 'msg') step.write(update('messages', { connId, messageId }, { body: noBytes, key: noBytes }))
  else if (isLast) step.write(remove('messages', { connId, messageId }))
  return isLast
}

export async function onDelivered(context: Context, message: Message, { queueNo }: SendQueue): Promise<void> {
  const { connId, messageId, type } = message
  const deletion = await context.step(connId, queriesOf(message), (step, { deliveries, stored }) => {
    const { deletion } = step.connection
    if (!stored) return deletion
    dropDelivery(step, stored, queueNo, deliveries)
    const queue = step.sendQueues.find((one) => one.queueNo === queueNo)
    if (!queue) return deletion
    // Of several queues the first one counts.
    if (type === 'msg' && stored.status === 'queued') {
      step.write(update('messages', { connId, messageId }, { status: 'sent' }))
      step.event('sent', {}, { messageId })
    } else if (type === 'confirmation') confirmationDelivered(step, queue)
    else if (type === 'hello') helloDelivered(step, queue)
    else if (type === 'queueTest') onQueueTestDelivered(step, queue, deliveries)
    else if (type === 'queueKey') onQueueKeyDelivered(step)
    return deletion
  })
  if (deletion === 'afterDelivery') await finishDeletion(context, connId)
}

/** Step 6 for the joiner. Step 13 for the initiator, who is connected if it could secure the peer's queue itself. */
function confirmationDelivered(step: Step, { queueNo, queueMode, status }: SendQueue): void {
  if (step.isJoiner || queueMode !== 'messaging') {
    if (status !== 'active') step.setSendQueue(queueNo, { status: 'confirmed' })
    return
  }
  step.setSendQueue(queueNo, { status: 'active' })
  step.event('connected', {})
}

/** Steps 16' and 18'. */
function helloDelivered(step: Step, { queueNo }: SendQueue): void {
  step.setSendQueue(queueNo, { status: 'active' })
  if (step.receiveQueues.some(({ status }) => status === 'active')) step.event('connected', {})
}

/** What the sender is told when a message will never arrive. */
export async function onFailed(
  context: Context,
  message: Message,
  { queueNo }: SendQueue,
  problem: { code: string; reason: string },
): Promise<void> {
  const { connId } = message
  const deletion = await context.step(connId, queriesOf(message), (step, { deliveries, stored }) => {
    // Another queue may still take it, or has.
    const isLost = stored && dropDelivery(step, stored, queueNo, deliveries) && stored.status === 'queued'
    if (isLost) tellFailed(step, message, problem)
    return step.connection.deletion
  })
  if (deletion === 'afterDelivery') await finishDeletion(context, connId)
}

function tellFailed(step: Step, { connId, messageId, type }: Message, problem: { code: string; reason: string }): void {
  if (type === 'msg') {
    step.write(update('messages', { connId, messageId }, { status: 'failed' }))
    step.event('notSent', problem, { messageId })
  } else if (type === 'confirmation' || type === 'hello') {
    const isGone = problem.code === 'AUTH' || problem.code === 'QUOTA'
    step.event('failed', { ...problem, code: isGone ? 'NOT_AVAILABLE' : problem.code })
  } else {
    step.event('error', { ...problem, code: problem.code === 'AUTH' ? 'A_QUEUE' : problem.code })
  }
}
