// Spec 13 §13.6, 10 §10.8: what comes out of the ratchet.
import { type Found, find, get, insert, type Row, remove } from '@smpkit/agent-store'
import { sha256 } from '@smpkit/crypto'
import { decode, encode, toMapKey } from '@smpkit/encoding'
import { type Decrypted, decrypt, type RatchetError, type SkippedKey, skippedKey } from '@smpkit/ratchet'
import { agentMessage } from './agent-message.js'
import type { Context } from './context.js'
import { fromPeer, PeerError } from './errors.js'
import { problemOf } from './failures.js'
import { onInnerMessage } from './inner-message.js'
import { integrityOf, integrityToText } from './integrity.js'
import { NeedsSentMessages, type SentMessages, sentMessageQueries } from './receipts.js'
import type { MessageIn, Received, Verdict } from './received.js'
import type { Step } from './step.js'
import { afterDecryption, noteDecryptionError } from './synchronization.js'
import { type AgentVersion, raiseAgentVersion } from './versions.js'

export async function onMessage(context: Context, received: Received<'message'>): Promise<Verdict> {
  const encHash = sha256(received.envelope.encAgentMessage)
  const outcome = await decryptAndStore(context, received, encHash).catch((error: unknown) => {
    if (!(error instanceof NeedsSentMessages)) throw error
    return decryptAndStore(context, received, encHash, error.sentIds)
  })
  return outcome === 'duplicate' ? await onDuplicate(context, received, encHash) : outcome
}

/** @throws NeedsSentMessages: it is to be called again with their ids */
function decryptAndStore(
  context: Context,
  received: Received<'message'>,
  encHash: Uint8Array,
  sentIds?: readonly number[],
): Promise<Verdict | 'duplicate'> {
  const { connId } = received.queue
  const queries = {
    skipped: find('skippedKeys', 'byConnection', { connId }),
    known: get('hashes', { connId, kind: 'message', hash: encHash }),
  }
  return context.step(connId, { ...sentMessageQueries(connId, sentIds ?? []), ...queries }, (step, found) => {
    const { skipped, known } = found as Found<typeof queries>
    const former = step.ratchetState
    if (!former) throw new PeerError('A_PROHIBITED', 'expected a confirmation before messages')
    const result = decrypt(former, skipped.map(skippedKeyOf), received.envelope.encAgentMessage)
    store(step, result)
    if ('error' in result) return onDecryptionError(step, result.error, known !== undefined)
    if (!known) step.write(insert('hashes', { connId, kind: 'message', hash: encHash, createdAt: step.now }))
    afterDecryption(step, former, result.state)
    return onPlaintext(step, received, result, sentIds && (found as unknown as SentMessages))
  })
}

const skippedKeyOf = ({ key }: Row<'skippedKeys'>): SkippedKey => decode(skippedKey, key)

/** The ratchet goes on before anybody looks at the plaintext (13.13, 1 and 2). */
function store(step: Step, result: Decrypted): void {
  if ('error' in result && !result.committed) return
  const { connId } = step
  step.setRatchet({ state: result.state })
  for (const skippedNo of result.skipped.removed) step.write(remove('skippedKeys', { connId, skippedNo }))
  for (const key of result.skipped.added) {
    step.write(insert('skippedKeys', { connId, skippedNo: key.order, key: encode(skippedKey, key) }))
  }
}

function onDecryptionError(step: Step, error: RatchetError, isKnown: boolean): Verdict | 'duplicate' {
  if (error.code === 'A_DUPLICATE') return 'duplicate'
  if (isKnown) return 'ack'
  step.event('error', problemOf(error))
  noteDecryptionError(step, error.code)
  return 'ack'
}

/** The same bytes as before: its event waits for the application, or it was acknowledged and the server did not hear of it. */
async function onDuplicate(
  context: Context,
  { queue, brokerId }: Received<'message'>,
  encHash: Uint8Array,
): Promise<Verdict> {
  const { connId } = queue
  const { events, known } = await context.store.read({
    events: find('events', 'byConnection', { connId }),
    known: get('hashes', { connId, kind: 'message', hash: encHash }),
  })
  const id = toMapKey(brokerId)
  const event = events.find((one) => toMapKey(one.brokerId) === id)
  if (event) {
    context.redeliver(event)
    return 'hold'
  }
  if (!known) {
    const reason = 'a message came twice, and the first one is not known'
    await context.step(connId, {}, (step) => step.event('error', { code: 'A_DUPLICATE', reason }))
  }
  return 'ack'
}

function onPlaintext(
  step: Step,
  received: Received<'message'>,
  { plaintext, state }: Extract<Decrypted, { plaintext: Uint8Array }>,
  sent: SentMessages | undefined,
): Verdict {
  const { queue, serverTs, envelope } = received
  const { connection } = step
  let content: MessageIn
  try {
    const message = fromPeer('an agent message', () => decode(agentMessage, plaintext))
    if (message.type !== 'message') throw new PeerError('A_PROHIBITED', 'expected an agent message with an id')
    content = message
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    step.event('error', problemOf(error))
    return 'ack'
  }
  const hash = sha256(plaintext)
  const last = { msgId: BigInt(connection.lastReceivedId), hash: connection.lastReceivedHash }
  const integrity = integrityToText(integrityOf(last, content))
  const agentVersion = raiseAgentVersion(connection.agentVersion as AgentVersion, envelope.agentVersion)
  step.set({ lastReceivedId: String(content.sndMsgId), lastReceivedHash: hash, agentVersion })
  const messageId = step.nextMessageId()
  const { status, queueNo } = step.receiveQueue(queue.queueNo)
  const wasActive = status === 'active'
  step.setReceiveQueue(queueNo, { status: 'active', lastMessageTs: serverTs })
  const pq = state.receiveKem
  return onInnerMessage(step, { received, content, hash, messageId, integrity, pq, sent, wasActive })
}
