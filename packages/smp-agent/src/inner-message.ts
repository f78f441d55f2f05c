// Spec 11 §11.5, §11.7: what each message of the peer's agent does.

import { PeerError, RequestError } from './errors.js'
import { problemOf } from './failures.js'
import { type SenderAddress, sameAddress } from './queues.js'
import { onReceipts } from './receipts.js'
import type { Incoming, Verdict } from './received.js'
import { completeSwitch, onQueueKey, onQueueTest } from './rotation-receive.js'
import { onQueueAdd, onQueueUse } from './rotation-send.js'
import type { Step } from './step.js'

/** The message was decrypted, and its ids are counted: whatever is wrong with it becomes an event. */
export function onInnerMessage(step: Step, incoming: Incoming): Verdict {
  const { message } = incoming.content
  completeSwitch(step, incoming)
  try {
    switch (message.type) {
      case 'msg':
        return onApplicationMessage(step, incoming, message.body)
      case 'hello':
        return onHello(step, incoming)
      case 'received':
        return onReceipts(step, message.receipts, incoming.sent)
      case 'queueContinue':
        return onQueueContinue(step, message.address)
      case 'queueAdd':
        return onQueueAdd(step, message.queues)
      case 'queueKey':
        return onQueueKey(step, incoming, message.queues)
      case 'queueUse':
        return onQueueUse(step, message.queues)
      case 'queueTest':
        return onQueueTest(step, message.addresses)
      case 'ratchetReady':
        return 'ack'
    }
  } catch (error) {
    // The other one: it cannot be answered while the ratchets are being synchronized.
    if (!(error instanceof PeerError || error instanceof RequestError)) throw error
    step.event('error', problemOf(error))
    return 'ack'
  }
}

function onApplicationMessage(step: Step, incoming: Incoming, body: Uint8Array): Verdict {
  const { received, content, hash, messageId, integrity, pq } = incoming
  const { brokerId, serverTs, notification, queue } = received
  step.event(
    'message',
    { sentId: content.sndMsgId, hash, serverTs, integrity, notification, pq, body },
    { messageId, queueNo: queue.queueNo, brokerId },
  )
  return 'hold'
}

/** Steps 17' and 19'. The joiner's HELLO went first: if it is not known to be delivered yet, that will tell of the connection. */
function onHello(step: Step, { wasActive }: Incoming): Verdict {
  if (wasActive) throw new PeerError('A_PROHIBITED', 'expected no HELLO, the queue is active')
  const [queue] = step.sendQueues
  if (!queue) throw new PeerError('A_PROHIBITED', 'expected no HELLO before we have answered')
  if (queue.status === 'active') step.event('connected', {})
  else if (!step.isJoiner) step.send({ type: 'hello' }, { notification: true })
  return 'ack'
}

/** There is room in the peer's queue again: what waits for it goes on. */
function onQueueContinue(step: Step, address: SenderAddress): Verdict {
  const queue = step.sendQueues.find((one) => sameAddress(address, one))
  if (!queue) throw new PeerError('A_QUEUE', 'expected one of the queues that we send to')
  step.effects.continued.add(queue.queueNo)
  return 'ack'
}
