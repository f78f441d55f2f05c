// Spec 13 §13.5: what is sent to one queue: in order, one at a time, until the server has it.
import { find, get, type Row, update } from '@smpkit/agent-store'
import { type PrivateAuthKey, PublicKey } from '@smpkit/crypto'
import { decode, toMapKey } from '@smpkit/encoding'
import { e2eParams, encryptBody, messageKey } from '@smpkit/ratchet'
import { sendMessage } from '@smpkit/smp-client'
import { type AgentEnvelope, agentEnvelope } from './agent-envelope.js'
import { encryptClientMessage } from './client-message.js'
import type { Context, RetryOptions } from './context.js'
import { onDelivered, onFailed } from './delivery-results.js'
import { isGone, isReply, isTemporary, problemOf } from './failures.js'
import { addressOf, publicSenderKeyOf, senderKeyOf } from './queues.js'
import type { SendQueue } from './step-rows.js'
import { agentVersions } from './versions.js'
import type { Turn, Workers } from './workers.js'

type Message = Row<'messages'>
type Delivery = Row<'deliveries'>

interface Next {
  readonly delivery: Delivery
  readonly queue: SendQueue
  readonly message: Message
  readonly connection: Row<'connections'>
  readonly params: Uint8Array | null
}

export function wakeDelivery(
  context: Context,
  workers: Workers,
  { connId, queueNo, urgent }: { connId: Uint8Array; queueNo: number; urgent: boolean },
): void {
  workers.wake(`delivery ${toMapKey(connId)} ${queueNo}`, (turn) => deliver(context, connId, queueNo, turn), { urgent })
}

async function deliver(context: Context, connId: Uint8Array, queueNo: number, turn: Turn): Promise<void> {
  while (!turn.signal.aborted) {
    try {
      const next = await nextOf(context, connId, queueNo)
      if (!next) return
      await attempt(context, next, turn)
    } catch (error) {
      // The store is away: nothing is lost, what was sent already is sent again.
      if (turn.signal.aborted || isGone(error)) return
      if (!isTemporary(error)) throw error
      await turn.wait(context.retry.fast.first)
    }
  }
}

async function nextOf(context: Context, connId: Uint8Array, queueNo: number): Promise<Next | undefined> {
  const { store } = context
  const { deliveries, queue, connection, ratchet } = await store.read({
    deliveries: find('deliveries', 'byQueue', { connId, queueNo }, 1),
    queue: get('sendQueues', { connId, queueNo }),
    connection: get('connections', { connId }),
    ratchet: get('ratchets', { connId }),
  })
  const [delivery] = deliveries
  if (!delivery || !queue || !connection) return undefined
  const { messageId } = delivery
  const { message } = await store.read({ message: get('messages', { connId, messageId }) })
  if (!message) return undefined
  return { delivery, queue, message, connection, params: ratchet?.params ?? null }
}

function bodyOf({ queue, message, connection, params }: Next): Uint8Array {
  const envelope = envelopeOf(message, connection.agentVersion, params)
  const isFirst = message.type === 'confirmation'
  const dhKey = isFirst ? PublicKey.fromRaw('x25519', queue.dhPublicKey) : null
  const senderKey = isFirst && queue.queueMode !== 'messaging' ? publicSenderKeyOf(queue) : null
  const { clientVersion, e2eSecret } = queue
  return encryptClientMessage(e2eSecret, { senderKey, envelope }, { clientVersion, dhKey })
}

function envelopeOf(message: Message, agreed: number, params: Uint8Array | null): AgentEnvelope {
  const { type, body, key, paddedLength } = message
  if (type === 'ratchetKey') return decode(agentEnvelope, body)
  const encrypted = encryptBody(decode(messageKey, key), body, paddedLength)
  if (type !== 'confirmation') {
    return { agentVersion: agentVersions.max, type: 'message', encAgentMessage: encrypted }
  }
  const own = params && decode(e2eParams, params)
  return { agentVersion: agreed, type: 'confirmation', e2eParams: own, encConnInfo: encrypted }
}

async function attempt(context: Context, next: Next, turn: Turn): Promise<void> {
  try {
    await post(context, next, turn.signal)
  } catch (error) {
    if (turn.signal.aborted) return
    await notDelivered(context, next, error, turn)
    return
  }
  await onDelivered(context, next.message, next.queue)
}

async function post(context: Context, next: Next, signal: AbortSignal): Promise<void> {
  const { queue, message, connection } = next
  const body = bodyOf(next)
  const requester = context.network.sender(addressOf(queue.server), connection.userId)
  const { notification } = message
  const send = (senderKey: PrivateAuthKey | null) =>
    sendMessage(requester, { senderId: queue.senderId, senderKey }, body, { notification, signal })
  if (message.type !== 'confirmation' || queue.queueMode === 'messaging') return await send(senderKeyOf(queue))
  try {
    await send(null)
  } catch (error) {
    if (!isReply(error, 'AUTH')) throw error
    // The peer may have it from an attempt whose answer we did not get, and have secured the queue with the key in it.
    await send(senderKeyOf(queue))
  }
}

async function notDelivered(context: Context, next: Next, error: unknown, turn: Turn): Promise<void> {
  const { retry } = context
  const isFull = isReply(error, 'QUOTA')
  if (isFull ? next.message.type === 'confirmation' : !isTemporary(error)) {
    await onFailed(context, next.message, next.queue, problemOf(error))
    return
  }
  const timeout = isFull ? retry.quotaTimeout : retry.messageTimeout
  if (ageOf(context, next) > timeout) await failExpired(context, next, error, timeout)
  else if (isFull) await waitForRoom(context, next, turn)
  else await waitForServer(context, next, turn)
}

const ageOf = ({ now }: Context, { message }: Next): number => now() - message.createdAt

/** Those behind it that are too old as well are not tried one by one. */
async function failExpired(context: Context, first: Next, error: unknown, timeout: number): Promise<void> {
  const { connId, queueNo } = first.queue
  for (let next: Next | undefined = first; next && ageOf(context, next) > timeout; ) {
    await onFailed(context, next.message, next.queue, problemOf(error))
    next = await nextOf(context, connId, queueNo)
  }
}

/** The peer's agent tells by A_QCONT when there is room again, and that wakes this worker. */
async function waitForRoom(context: Context, next: Next, turn: Turn): Promise<void> {
  const { slow } = context.retry
  const { connId, queueNo, messageId, slowDelay } = next.delivery
  const delay = slowDelay || slow.first
  const key = { connId, queueNo, messageId }
  await context.step(connId, { delivery: get('deliveries', key) }, (step, { delivery }) => {
    // The queue was replaced, or the connection is being deleted.
    if (!delivery) return
    step.write(update('deliveries', key, { slowDelay: nextDelay(delay, ageOf(context, next), slow) }))
    if (slowDelay === 0) step.event('waiting', { code: 'QUOTA', reason: "the peer's queue is full" }, { messageId })
  })
  await turn.wait(delay)
}

async function waitForServer(context: Context, next: Next, turn: Turn): Promise<void> {
  const { fast } = context.retry
  const { connId, queueNo, messageId, fastDelay } = next.delivery
  const delay = fastDelay || fast.first
  const key = { connId, queueNo, messageId }
  await context.step(connId, { delivery: get('deliveries', key) }, (step, { delivery }) => {
    if (delivery) step.write(update('deliveries', key, { fastDelay: nextDelay(delay, ageOf(context, next), fast) }))
  })
  await turn.wait(delay)
}

const nextDelay = (delay: number, age: number, { growAfter, max }: RetryOptions['fast']): number =>
  age < growAfter ? delay : Math.min(Math.ceil(delay * 1.5), max)
