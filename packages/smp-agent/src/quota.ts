// Spec 13 §13.5: our queue was full and is empty now: the peer is told that it may go on.
import type { Context } from './context.js'
import { addressOf } from './queues.js'
import type { Verdict } from './received.js'
import { canSend } from './sending.js'
import type { ReceiveQueue } from './step-rows.js'

export async function onQuota(context: Context, { connId, queueNo, server, senderId }: ReceiveQueue): Promise<Verdict> {
  await context.step(connId, {}, (step) => {
    if (step.receiveQueues.some((queue) => queue.queueNo === queueNo) && canSend(step)) {
      step.send({ type: 'queueContinue', address: { server: addressOf(server), senderId } })
    }
  })
  return 'ack'
}
