// Spec 13 §13.3: the confirmation, received by the initiator (steps 7 and 8) and by the joiner (14 and 15); allowing it (9 to 12).
import { get, put, type Row, remove } from '@smpkit/agent-store'
import { sha256 } from '@smpkit/crypto'
import { decode } from '@smpkit/encoding'
import { decrypt, e2eVersions, type RatchetState, startReceiving } from '@smpkit/ratchet'
import { secureAsSender, secureQueue } from '@smpkit/smp-client'
import { type AgentMessage, agentMessage } from './agent-message.js'
import type { Context } from './context.js'
import { fromPeer, PeerError, RequestError } from './errors.js'
import { addressOf, dhKeyOf, newSendQueue, recipientOf, secretWith, senderKeyOf } from './queues.js'
import type { Received, Verdict } from './received.js'
import { requireFits } from './size-limits.js'
import type { Step } from './step.js'
import type { SendQueue } from './step-rows.js'
import { storedCommand, storedConfirmation } from './stored.js'
import { afterDecryption } from './synchronization.js'
import { type AgentVersion, agentVersions, clientVersions, has } from './versions.js'

type ReceivedConfirmation = Received<'confirmation'>

export async function onConfirmation(context: Context, received: ReceivedConfirmation): Promise<Verdict> {
  const { connId, queueNo } = received.queue
  return await context.step(connId, {}, (step) => {
    const queue = step.receiveQueue(queueNo)
    if (queue.e2eSecret) return 'ack'
    requireAgentVersion(step, received.envelope.agentVersion)
    if (step.connection.mode !== 'invitation') {
      throw new PeerError('A_PROHIBITED', 'expected a request to a contact address, got a confirmation')
    }
    if (!received.senderKey && queue.queueMode !== 'messaging') {
      throw new PeerError('A_PROHIBITED', 'expected a confirmation with the key to secure the queue')
    }
    if (step.sendQueues.length === 0) fromJoiner(step, received)
    else fromInitiator(step, received)
    return 'ack'
  })
}

function requireAgentVersion(step: Step, version: number): void {
  const { min, max } = agentVersions
  if (version >= min && version <= Math.max(max, step.connection.agentVersion)) return
  throw new PeerError('A_VERSION', `expected agent version ${min}-${max}, got ${version}`)
}

/** Makes the ratchet of what the first message says. Nothing is kept of one that cannot be decrypted: the right one may still come. */
function decryptFirst(
  state: RatchetState,
  message: Uint8Array,
): { content: AgentMessage; state: RatchetState; hash: Uint8Array } {
  const result = decrypt(state, [], message)
  if ('error' in result) throw result.error
  const content = fromPeer('the content of a confirmation', () => decode(agentMessage, result.plaintext))
  return { content, state: result.state, hash: sha256(result.plaintext) }
}

function fromJoiner(step: Step, { queue, envelope, senderKey, clientVersion, e2eSecret }: ReceivedConfirmation): void {
  const { e2eParams: params, agentVersion, encConnInfo } = envelope
  const keys = step.ratchetKeys
  if (!keys) throw new PeerError('A_PROHIBITED', 'expected no confirmation: nobody was invited')
  if (!params) throw new PeerError('A_PROHIBITED', 'expected a confirmation with encryption parameters')
  const { min, max } = e2eVersions
  if (params.version < min || params.version > max) {
    throw new PeerError('A_VERSION', `expected encryption version ${min}-${max}, got ${params.version}`)
  }
  const agreed = Math.min(agentVersion, agentVersions.max) as AgentVersion
  const pqSupport = step.connection.pqSupport && has(agreed, 'pqRatchet') && params.version >= 3
  const first = decryptFirst(startReceiving(keys, params, { pqSupport }), encConnInfo)
  const { content, state, hash } = first
  if (content.type !== 'connInfoReply') {
    throw new PeerError('A_PROHIBITED', 'expected a confirmation with a reply queue')
  }
  const [reply] = content.replyQueues
  if (!reply || reply.version < clientVersions.min || reply.version > clientVersions.max)
    throw new PeerError('A_VERSION', 'expected a reply queue of version 1-4')
  // Now, and not when it is allowed: the right one may still come.
  secretWith(dhKeyOf(queue), reply.dhKey)
  step.set({ agentVersion: agreed, pqSupport, lastReceivedId: '1', lastReceivedHash: hash })
  step.setRatchet({ keys: null, state })
  step.setReceiveQueue(queue.queueNo, { e2eSecret, status: 'confirmed', clientVersion })
  const data = storedConfirmation.toBytes({ senderKey, replyQueues: content.replyQueues })
  step.write(put('confirmations', { connId: step.connId, data }))
  step.event('confirmation', { info: content.connInfo, pqSupport })
}

function fromInitiator(
  step: Step,
  { queue, envelope, senderKey, clientVersion, e2eSecret }: ReceivedConfirmation,
): void {
  const former = step.ratchetState
  if (!former || !step.isJoiner) throw new PeerError('A_PROHIBITED', 'expected no confirmation of this connection')
  if (envelope.e2eParams) throw new PeerError('A_PROHIBITED', 'expected an answer without encryption parameters')
  const { content, state, hash } = decryptFirst(former, envelope.encConnInfo)
  if (content.type !== 'connInfo') throw new PeerError('A_PROHIBITED', "expected the initiator's info in its answer")
  afterDecryption(step, former, state)
  step.set({ lastReceivedId: '1', lastReceivedHash: hash })
  step.setRatchet({ state })
  const { queueNo } = queue
  step.setReceiveQueue(queueNo, { e2eSecret, status: senderKey ? 'confirmed' : 'active', clientVersion })
  step.event('info', { info: content.connInfo, pqSupport: step.connection.pqSupport })
  if (senderKey) {
    step.command({ tag: 'secure', queueNo, senderKey })
    return
  }
  // Whatever its mode, the peer has secured the queue that we send to.
  for (const { queueNo } of step.sendQueues) step.setSendQueue(queueNo, { status: 'active' })
  step.event('connected', {})
}

/** Answers the peer's confirmation with our info. It may be called again, until it was. */
export async function allow(context: Context, connId: Uint8Array, info: Uint8Array): Promise<void> {
  await context.step(connId, { stored: get('confirmations', { connId }) }, (step, { stored }) => {
    // Allowed before: the application may not have got to acknowledging the event.
    if (!stored && step.sendQueues.length > 0 && !step.isJoiner) return
    if (!stored)
      throw new RequestError('PROHIBITED', 'expected a connection whose confirmation was received and not allowed yet')
    requireFits('info', info.length, step.pq ? 10_900 : 14_600)
    const { senderKey, replyQueues } = storedConfirmation.fromBytes(stored.data)
    const [reply] = replyQueues
    if (!reply) throw new RequestError('PROHIBITED', 'expected a confirmation with a reply queue')
    step.write(remove('confirmations', { connId }))
    step.addSendQueue(newSendQueue(reply, reply.version))
    step.command({ tag: 'allow', info, senderKey })
  })
}

/** Steps 10 to 12: secures both queues, then answers. */
export async function runAllow(context: Context, row: Row<'commands'>, signal: AbortSignal): Promise<void> {
  const { connId, commandNo } = row
  const command = storedCommand.fromBytes(row.data)
  if (command.tag !== 'allow') return
  const { senderKey, info } = command
  const { receiveQueues, sendQueues, userId } = await context.step(connId, {}, (step) => ({
    receiveQueues: step.receiveQueues,
    sendQueues: step.sendQueues,
    userId: step.connection.userId,
  }))
  const [receiveQueue, sendQueue] = [receiveQueues[0], sendQueues[0]]
  if (!receiveQueue || !sendQueue)
    throw new RequestError('NOT_FOUND', 'expected the queues of the connection, they have gone')
  if (senderKey) {
    const requester = context.network.recipient(receiveQueue.server, userId)
    await secureQueue(requester, recipientOf(receiveQueue), senderKey, { signal })
  }
  await secureSendQueue(context, sendQueue, userId, signal)
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    const isSecured = senderKey && step.receiveQueue(receiveQueue.queueNo).status !== 'active'
    if (isSecured) step.setReceiveQueue(receiveQueue.queueNo, { status: 'secured' })
    if (sendQueue.queueMode === 'messaging') step.setSendQueue(sendQueue.queueNo, { status: 'secured' })
    step.sendConfirmation({ type: 'connInfo', connInfo: info }, sendQueue.queueNo)
  })
}

/** `SKEY`, where the queue's mode lets its sender secure it. With the same key it may be repeated. */
export async function secureSendQueue(
  context: Context,
  queue: SendQueue,
  userId: string,
  signal: AbortSignal,
): Promise<void> {
  if (queue.queueMode !== 'messaging' || queue.status !== 'new') return
  const requester = context.network.sender(addressOf(queue.server), userId)
  await secureAsSender(requester, queue.senderId, senderKeyOf(queue), { signal })
}

/** Step 15': `KEY`, then HELLO. */
export async function runSecure(context: Context, row: Row<'commands'>, signal: AbortSignal): Promise<void> {
  const { connId, commandNo } = row
  const command = storedCommand.fromBytes(row.data)
  if (command.tag !== 'secure') return
  const { queueNo, senderKey } = command
  const { queue, userId } = await context.step(connId, {}, (step) => ({
    queue: step.receiveQueue(queueNo),
    userId: step.connection.userId,
  }))
  await secureQueue(context.network.recipient(queue.server, userId), recipientOf(queue), senderKey, { signal })
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    if (step.receiveQueue(queueNo).status !== 'active') step.setReceiveQueue(queueNo, { status: 'secured' })
    step.send({ type: 'hello' }, { notification: true })
  })
}
