// Spec 13 §13.6, 11 §11.2: a message from a server, until it is stored or known to be worthless. Whatever it is, it is acknowledged.
import { get, type Row, StoreError } from '@smpkit/agent-store'
import { dh } from '@smpkit/crypto'
import { decode } from '@smpkit/encoding'
import { decryptMsgBody, type MessageOf } from '@smpkit/smp-commands'
import { type ClientEnvelope, clientEnvelope, decryptClientMessage } from './client-message.js'
import { onConfirmation } from './confirmations.js'
import type { Context } from './context.js'
import { fromPeer, PeerError } from './errors.js'
import { isGone, isTemporary, problemOf } from './failures.js'
import { pause } from './held-back.js'
import { dhKeyOf } from './queues.js'
import { onQuota } from './quota.js'
import { onMessage } from './receive-message.js'
import type { QueueRef, Received, Verdict } from './received.js'
import { onRequest } from './requests.js'
import type { ReceiveQueue } from './step-rows.js'
import { noteDecryptionError, onRatchetKey } from './synchronization.js'
import { clientVersions } from './versions.js'

/**
 * Takes a message as far as it goes. What the peer did wrong becomes an event; what went wrong with the store passes, so it is tried again.
 */
export async function receive(
  context: Context,
  { connId, queueNo }: QueueRef,
  message: Pick<MessageOf<'MSG'>, 'msgId' | 'encBody'>,
): Promise<void> {
  const brokerId = message.msgId.slice()
  let isInTurn = false
  for (let delay = 500; !context.closing.aborted; delay = Math.min(delay * 1.5, 10_000)) {
    try {
      const { queue, connection } = await context.store.read({
        queue: get('receiveQueues', { connId, queueNo }),
        connection: get('connections', { connId }),
      })
      if (!queue || connection?.deletion !== 'no') return
      if (queue.replaces !== null && !isInTurn) {
        isInTurn = await context.heldBack.wait(context, queue, connection.userId)
        if (isInTurn) continue
        return
      }
      const verdict = await process(context, queue, connection, brokerId, message.encBody)
      if (verdict === 'ack') await context.acknowledge(queue, connection.userId, brokerId)
      return
    } catch (error) {
      // The connection was deleted before what is wrong with the message could be told.
      if (isGone(error)) return
      if (!isTemporary(error)) throw error
      await pause(context, delay)
    }
  }
}

async function process(
  context: Context,
  queue: ReceiveQueue,
  connection: Row<'connections'>,
  brokerId: Uint8Array,
  encBody: Uint8Array,
): Promise<Verdict> {
  try {
    const body = fromPeer('a message', () => decryptMsgBody(queue.bodySecret, brokerId, encBody))
    if (body.quota) return await onQuota(context, queue)
    const message = open(queue, body.body)
    if (!message) return 'ack'
    const { ts: serverTs, notification } = body
    return await dispatch(context, { queue, connection, brokerId, serverTs, notification, ...message })
  } catch (error) {
    if (error instanceof StoreError) throw error
    // The connection or its queue was deleted meanwhile.
    if (isGone(error)) return 'ack'
    const isUnreadable = queue.e2eSecret !== null && error instanceof PeerError && error.code === 'A_CRYPTO'
    await context.step(connection.connId, {}, (step) => {
      step.event('error', problemOf(error))
      if (isUnreadable) noteDecryptionError(step, 'DECRYPT_CB')
    })
    return 'ack'
  }
}

type Opened = Pick<Received, 'envelope' | 'clientVersion' | 'senderKey' | 'e2eSecret'>

/** Takes the queue's own layer off; `undefined` for a first message that comes again. @throws PeerError */
function open(queue: ReceiveQueue, body: Uint8Array): Opened | undefined {
  const outer = fromPeer('a message', () => decode(clientEnvelope, body))
  const { clientVersion } = outer
  if (clientVersion > clientVersions.max && clientVersion > queue.clientVersion) {
    throw new PeerError('A_VERSION', `expected queue version 1-${clientVersions.max}, got ${clientVersion}`)
  }
  const version = Math.min(queue.clientVersion, clientVersion)
  if (!outer.dhKey) return { ...openNext(queue, outer), clientVersion: version, e2eSecret: null }
  const secret = dh(dhKeyOf(queue), outer.dhKey)
  const { senderKey, envelope } = decryptClientMessage(secret, outer)
  if (queue.e2eSecret) {
    if (envelope.type === 'confirmation') return undefined
    throw new PeerError('A_PROHIBITED', 'expected no key in a message of a connection')
  }
  if (envelope.type !== 'confirmation' && envelope.type !== 'invitation') {
    throw new PeerError('A_PROHIBITED', `expected a confirmation or a request first, got ${envelope.type}`)
  }
  return { senderKey, envelope, clientVersion: version, e2eSecret: secret }
}

function openNext(queue: ReceiveQueue, outer: ClientEnvelope): Pick<Received, 'envelope' | 'senderKey'> {
  if (!queue.e2eSecret) throw new PeerError('A_PROHIBITED', 'expected a key in the first message of a connection')
  const { senderKey, envelope } = decryptClientMessage(queue.e2eSecret, outer)
  if (envelope.type !== 'message' && envelope.type !== 'ratchetKey') {
    throw new PeerError('A_PROHIBITED', `expected a message of the connection, got ${envelope.type} without a key`)
  }
  return { senderKey, envelope }
}

function dispatch(context: Context, received: Received): Promise<Verdict> {
  const { envelope } = received
  switch (envelope.type) {
    case 'confirmation':
      return onConfirmation(context, { ...received, envelope })
    case 'invitation':
      return onRequest(context, { ...received, envelope })
    case 'message':
      return onMessage(context, { ...received, envelope })
    case 'ratchetKey':
      return onRatchetKey(context, { ...received, envelope })
  }
}
