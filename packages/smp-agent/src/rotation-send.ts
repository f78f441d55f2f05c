// Spec 13 §13.8: the peer moves its queue, and we follow (steps 2, 4 and 5).
import { find, put, type Row, remove, removeAll } from '@smpkit/agent-store'
import { PublicKey } from '@smpkit/crypto'
import type { InnerMessage } from './agent-message.js'
import type { CommandHandler } from './context.js'
import { PeerError } from './errors.js'
import { addressOf, newSendQueue, publicSenderKeyOf, sameAddress } from './queues.js'
import type { Verdict } from './received.js'
import type { Step } from './step.js'
import type { SendQueue } from './step-rows.js'
import { storedCommand } from './stored.js'
import { clientVersions, commonClientVersion } from './versions.js'

type Message<T extends InnerMessage['type']> = Extract<InnerMessage, { type: T }>
type Deliveries = readonly Row<'deliveries'>[]

const tell = (step: Step, phase: 'started' | 'confirmed' | 'secured' | 'completed'): void =>
  step.event('switch', { side: 'send', phase })

/** Deliveries that wait; with more, new queues of the peer are not answered: each costs us a message. */
const maxWaiting = 1000

/** Only the first of several queues counts, as everywhere. @throws PeerError */
export function onQueueAdd(step: Step, queues: Message<'queueAdd'>['queues']): Verdict {
  const [first] = queues
  if (!first?.replaced) throw new PeerError('A_QUEUE', 'expected a new queue in the place of another one')
  step.command({ tag: 'answerQueueAdd', queue: first.queue, replaced: first.replaced })
  return 'ack'
}

/** Step 2. @throws PeerError */
export const runAnswerQueueAdd: CommandHandler = async (context, { connId, commandNo, data }) => {
  const command = storedCommand.fromBytes(data)
  if (command.tag !== 'answerQueueAdd') return
  const { queue, replaced } = command
  const queries = { deliveries: find('deliveries', 'byConnection', { connId }) }
  await context.step(connId, queries, (step, { deliveries }) => {
    if (deliveries.length >= maxWaiting) {
      throw new PeerError('A_PROHIBITED', `expected no new queue while ${maxWaiting} messages wait to be sent`)
    }
    const version = commonClientVersion(queue.versionRange)
    if (version === undefined) {
      const { min, max } = queue.versionRange
      throw new PeerError('A_VERSION', `expected a queue of version 1-${clientVersions.max}, got ${min}-${max}`)
    }
    const old = step.sendQueues.find((one) => one.replaces === null && sameAddress(replaced, one))
    if (!old) throw new PeerError('A_QUEUE', 'expected a queue that replaces one that we send to')
    if (step.sendQueues.some((one) => sameAddress(queue, one))) {
      throw new PeerError('A_QUEUE', 'expected a new queue, got one that we know')
    }
    step.write(remove('commands', { commandNo }))
    for (const { queueNo, replaces } of step.sendQueues) {
      if (replaces === old.queueNo) replaceBy(step, deliveries, queueNo, old.queueNo)
    }
    const added = step.addSendQueue({ ...newSendQueue(queue, version), replaces: old.queueNo })
    step.setSendQueue(old.queueNo, { switchStatus: 'sendingQkey' })
    const { server, senderId, queueMode } = queue
    const dhKey = PublicKey.fromRaw('x25519', added.dhPublicKey)
    const senderKey = publicSenderKeyOf(added)
    step.send({ type: 'queueKey', queues: [{ queue: { version, server, senderId, dhKey, queueMode }, senderKey }] })
    tell(step, 'started')
  })
}

export function onQueueKeyDelivered(step: Step): void {
  if (step.sendQueues.some(({ switchStatus }) => switchStatus === 'sendingQkey')) tell(step, 'confirmed')
}

/** @throws PeerError */
export function onQueueUse(step: Step, queues: Message<'queueUse'>['queues']): Verdict {
  const [first] = queues
  const added = first && step.sendQueues.find((one) => sameAddress(first.address, one))
  if (added?.status !== 'new' || formerOf(step, added)?.switchStatus !== 'sendingQkey') {
    throw new PeerError('A_QUEUE', 'expected a new queue for which we have sent a key')
  }
  step.command({ tag: 'answerQueueUse', queueNo: added.queueNo })
  return 'ack'
}

const formerOf = (step: Step, { replaces }: SendQueue): SendQueue | undefined =>
  step.sendQueues.find(({ queueNo }) => queueNo === replaces)

/** Step 4. What waits for the old queue goes through both: the new one has it in order, before the test. */
export const runAnswerQueueUse: CommandHandler = async (context, { connId, commandNo, data }) => {
  const command = storedCommand.fromBytes(data)
  if (command.tag !== 'answerQueueUse') return
  const { queueNo } = command
  const queries = { deliveries: find('deliveries', 'byConnection', { connId }) }
  await context.step(connId, queries, (step, { deliveries }) => {
    step.write(remove('commands', { commandNo }))
    const added = step.sendQueues.find((one) => one.queueNo === queueNo)
    const old = added && formerOf(step, added)
    if (added?.status !== 'new' || old?.switchStatus !== 'sendingQkey') return
    step.setSendQueue(queueNo, { status: 'secured' })
    step.setSendQueue(old.queueNo, { switchStatus: 'sendingQtest' })
    copyDeliveries(step, deliveries, old.queueNo, queueNo)
    const address = { server: addressOf(added.server), senderId: added.senderId }
    step.send({ type: 'queueTest', addresses: [address] }, { queues: [queueNo] })
    tell(step, 'secured')
  })
}

/** Step 5. `deliveries`: all of the connection. */
export function onQueueTestDelivered(step: Step, added: SendQueue, deliveries: Deliveries): void {
  const old = formerOf(step, added)
  if (added.status !== 'secured' || old?.switchStatus !== 'sendingQtest') return
  step.setSendQueue(added.queueNo, { status: 'active', replaces: null })
  replaceBy(step, deliveries, old.queueNo, added.queueNo)
  tell(step, 'completed')
}

/** What one queue has not delivered goes through the other one; if it was there before, the peer knows it as a duplicate. */
function replaceBy(step: Step, deliveries: Deliveries, from: number, to: number): void {
  const { connId } = step
  copyDeliveries(step, deliveries, from, to)
  step.write(removeAll('deliveries', 'byQueue', { connId, queueNo: from }))
  step.removeSendQueue(from)
}

function copyDeliveries(step: Step, deliveries: Deliveries, from: number, to: number): void {
  for (const delivery of deliveries) {
    if (delivery.queueNo === from)
      step.write(put('deliveries', { ...delivery, queueNo: to, fastDelay: 0, slowDelay: 0 }))
  }
  step.effects.deliveries.add(to)
}
