// Spec 13 §13.8: replacing a queue by another one.
import type { InnerMessage } from './agent-message.js'
import type { Incoming, Verdict } from './received.js'
import type { SendQueue, Step } from './step.js'

type Message<T extends InnerMessage['type']> = Extract<InnerMessage, { type: T }>

export function onQueueAdd(_step: Step, _queues: Message<'queueAdd'>['queues']): Verdict {
  return 'ack'
}

export function onQueueKey(_step: Step, _incoming: Incoming, _queues: Message<'queueKey'>['queues']): Verdict {
  return 'ack'
}

export function onQueueUse(_step: Step, _queues: Message<'queueUse'>['queues']): Verdict {
  return 'ack'
}

export function onQueueTest(_step: Step, _incoming: Incoming): Verdict {
  return 'ack'
}

export function onQueueKeyDelivered(_step: Step): void {}

export function onQueueTestDelivered(_step: Step, _queue: SendQueue): void {}
