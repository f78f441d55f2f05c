// Spec 13 §13.8: moving one of our queues to another server (steps 1, 3 and 6), and giving that up.
import { type Row, remove } from '@smpkit/agent-store'
import { dh } from '@smpkit/crypto'
import { secureQueue } from '@smpkit/smp-client'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import type { InnerMessage } from './agent-message.js'
import type { CommandHandler, Context } from './context.js'
import { PeerError, RequestError } from './errors.js'
import { isTemporary, problemOf } from './failures.js'
import { addressOf, createReceiveQueue, dhKeyOf, queueUriOf, recipientOf, sameAddress } from './queues.js'
import type { Incoming, Verdict } from './received.js'
import { requireSending } from './sending.js'
import type { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'
import { storedCommand } from './stored.js'
import { clientVersions } from './versions.js'

type Message<T extends InnerMessage['type']> = Extract<InnerMessage, { type: T }>
type ReceivePhase = 'started' | 'confirmed' | 'secured' | 'completed' | 'stopped'

export interface SwitchOptions {
  /** Where the new queue is made; `smp://…`. Default: one of the agent's servers, of another host than the present one if there is one. */
  readonly server?: string
}

const tell = (step: Step, phase: ReceivePhase): void => step.event('switch', { side: 'receive', phase })

const replacementOf = (step: Step, { queueNo }: ReceiveQueue): ReceiveQueue | undefined =>
  step.receiveQueues.find(({ replaces, deleted }) => replaces === queueNo && !deleted)

/** @throws RequestError `PROHIBITED`, `SYNCHRONIZATION`, `NOT_FOUND`; AddressError */
export async function switchQueue(context: Context, connId: Uint8Array, { server }: SwitchOptions = {}): Promise<void> {
  if (server !== undefined) parseServerAddress(server, 'smp')
  await context.step(connId, {}, (step) => {
    requireSending(step)
    const { connection, receiveQueues } = step
    if (connection.deletion !== 'no') {
      throw new RequestError('PROHIBITED', 'expected a connection that is not being deleted')
    }
    if (receiveQueues.some(({ switchStatus }) => switchStatus !== 'none')) {
      throw new RequestError('PROHIBITED', 'expected no other switch of the queue in progress')
    }
    const present = receiveQueues.find(({ replaces, deleted }) => replaces === null && !deleted)
    if (!present || present.e2eSecret === null) {
      throw new RequestError('PROHIBITED', 'expected a connection that is made: wait for `connected`')
    }
    step.setReceiveQueue(present.queueNo, { switchStatus: 'started' })
    step.command({ tag: 'addQueue', queueNo: present.queueNo, server: server ?? null })
  })
}

/** Goes on with the present queue. @throws RequestError `PROHIBITED` where there is no switch, or the peer may use the new queue already */
export async function abortSwitch(context: Context, connId: Uint8Array): Promise<void> {
  await context.step(connId, {}, (step) => {
    const old = step.receiveQueues.find(isAbortable)
    if (!old) throw new RequestError('PROHIBITED', 'expected a switch of the queue that the peer has not agreed to yet')
    stop(step, old)
  })
}

const isAbortable = ({ switchStatus }: ReceiveQueue): boolean =>
  switchStatus === 'started' || switchStatus === 'sendingQadd'

function stop(step: Step, old: ReceiveQueue): void {
  const added = replacementOf(step, old)
  step.setReceiveQueue(old.queueNo, { switchStatus: 'none' })
  if (added) {
    step.setReceiveQueue(added.queueNo, { deleted: true })
    step.effects.unsubscribe.push(added)
    step.command({ tag: 'deleteQueue', queueNo: added.queueNo })
  }
  tell(step, 'stopped')
}

/** The new queue cannot be made or secured, now or later: the present one stays. */
async function stopFailed(context: Context, { connId, commandNo }: Row<'commands'>, queueNo: number, error: unknown) {
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    step.event('error', problemOf(error))
    const old = step.receiveQueues.find((queue) => queue.queueNo === queueNo)
    if (old && isAbortable(old)) stop(step, old)
  })
}

/** Whether it will never succeed, and is not a mistake of ours. */
const isFinal = (error: unknown, signal: AbortSignal): boolean => !signal.aborted && !isTemporary(error)

/** Step 1. A queue that was made and not stored is one that nobody knows. */
export const runAddQueue: CommandHandler = async (context, row, signal) => {
  const { connId, commandNo } = row
  const command = storedCommand.fromBytes(row.data)
  if (command.tag !== 'addQueue') return
  const { queueNo } = command
  const { old, added, userId } = await context.step(connId, {}, (step) => {
    const old = step.receiveQueues.find((queue) => queue.queueNo === queueNo && queue.switchStatus === 'started')
    return { old, added: old && replacementOf(step, old), userId: step.connection.userId }
  })
  if (old && !added) {
    const server = command.server
      ? parseServerAddress(command.server, 'smp')
      : context.network.chooseServer([addressOf(old.server)])
    try {
      const queue = await createReceiveQueue(context, server, userId, { signal })
      await context.step(connId, {}, (step) => {
        // Where the switch was given up meanwhile, the queue goes at once.
        const isWanted = step.receiveQueue(queueNo).switchStatus === 'started'
        const row = step.addReceiveQueue({ ...queue, replaces: queueNo, deleted: !isWanted })
        if (!isWanted) step.command({ tag: 'deleteQueue', queueNo: row.queueNo })
      })
    } catch (error) {
      if (!isFinal(error, signal)) throw error
      await stopFailed(context, row, queueNo, error)
      return
    }
  }
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    const old = step.receiveQueues.find((queue) => queue.queueNo === queueNo && queue.switchStatus === 'started')
    const added = old && replacementOf(step, old)
    if (!added) return
    const replaced = { server: addressOf(old.server), senderId: old.senderId }
    const queue = { ...queueUriOf(added), versionRange: clientVersions }
    step.send({ type: 'queueAdd', queues: [{ queue, replaced }] })
    step.setReceiveQueue(queueNo, { switchStatus: 'sendingQadd' })
    tell(step, 'started')
  })
}

/** Step 3, as far as it goes without the server. @throws PeerError */
export function onQueueKey(step: Step, { received }: Incoming, queues: Message<'queueKey'>['queues']): Verdict {
  const [first] = queues
  const added = first && step.receiveQueues.find((one) => one.replaces !== null && sameAddress(first.queue, one))
  if (!added) throw new PeerError('A_QUEUE', 'expected the key for a new queue that we have proposed')
  // The proposal was taken back, or accepted before.
  if (added.deleted || added.status !== 'new') return 'ack'
  if (step.receiveQueue(received.queue.queueNo).switchStatus !== 'sendingQadd') {
    throw new PeerError('A_QUEUE', 'expected the key for a new queue through the one that it replaces')
  }
  const { version, dhKey } = first.queue
  if (version < clientVersions.min || version > clientVersions.max) {
    throw new PeerError('A_VERSION', `expected queue version 1-${clientVersions.max}, got ${version}`)
  }
  const { queueNo } = added
  const e2eSecret = dh(dhKeyOf(added), dhKey)
  step.setReceiveQueue(queueNo, { e2eSecret, clientVersion: version, status: 'confirmed' })
  step.command({ tag: 'secureNewQueue', queueNo, senderKey: first.senderKey })
  tell(step, 'confirmed')
  return 'ack'
}

/** Step 3: `KEY`, which may be repeated with the same key, and QUSE. */
export const runSecureNewQueue: CommandHandler = async (context, row, signal) => {
  const { connId, commandNo } = row
  const command = storedCommand.fromBytes(row.data)
  if (command.tag !== 'secureNewQueue') return
  const { queueNo, senderKey } = command
  const wanted = (step: Step) => step.receiveQueues.find((queue) => queue.queueNo === queueNo && !queue.deleted)
  const { added, userId } = await context.step(connId, {}, (step) => ({
    added: wanted(step),
    userId: step.connection.userId,
  }))
  if (added) {
    try {
      await secureQueue(context.network.recipient(added.server, userId), recipientOf(added), senderKey, { signal })
    } catch (error) {
      if (!isFinal(error, signal)) throw error
      await stopFailed(context, row, added.replaces ?? 0, error)
      return
    }
  }
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    const added = wanted(step)
    const old = step.receiveQueues.find((queue) => queue.queueNo === added?.replaces)
    if (!added || old?.switchStatus !== 'sendingQadd') return
    step.setReceiveQueue(queueNo, { status: 'secured' })
    step.setReceiveQueue(old.queueNo, { switchStatus: 'sendingQuse' })
    const address = { server: addressOf(added.server), senderId: added.senderId }
    step.send({ type: 'queueUse', queues: [{ address, primary: true }] })
    tell(step, 'secured')
  })
}

/** Step 6: the first message through the new queue, whatever it is. The old one goes as soon as it is empty. */
export function completeSwitch(step: Step, { received }: Incoming): void {
  const { queueNo, replaces } = step.receiveQueue(received.queue.queueNo)
  const old = step.receiveQueues.find((queue) => queue.queueNo === replaces)
  if (!old) return
  if (old.switchStatus !== 'sendingQuse') {
    const reason = 'expected no message through a new queue before we have asked to use it'
    step.event('error', { code: 'A_QUEUE', reason })
    return
  }
  step.setReceiveQueue(queueNo, { replaces: null })
  step.setReceiveQueue(old.queueNo, { switchStatus: 'receivedMessage', isPrimary: false, deleted: true })
  if (step.connection.notifications) step.command({ tag: 'notifications', enable: true })
  step.command({ tag: 'deleteQueue', queueNo: old.queueNo })
  tell(step, 'completed')
}

/** It has done its work by coming through the new queue. @throws PeerError */
export function onQueueTest(step: Step, addresses: Message<'queueTest'>['addresses']): Verdict {
  if (addresses.some((address) => step.receiveQueues.some((queue) => sameAddress(address, queue)))) return 'ack'
  throw new PeerError('A_QUEUE', 'expected a test of one of our queues')
}
