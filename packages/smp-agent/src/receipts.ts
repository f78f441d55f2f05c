// Spec 13 §13.6: delivery receipts.
import { find, get, type Row, remove, update } from '@smpkit/agent-store'
import { constantTimeEqual } from '@smpkit/crypto'
import type { Receipt } from './agent-message.js'
import type { Context } from './context.js'
import { decodePayload } from './events.js'
import type { Verdict } from './received.js'
import { canSend } from './sending.js'
import { maxReceiptInfo, requireFits } from './size-limits.js'
import type { Step } from './step.js'
import { storedCommand } from './stored.js'
import { type AgentVersion, has } from './versions.js'

const noInfo = new Uint8Array(0)

/** For a message that the application acknowledges. Nothing is sent to a peer that does not know receipts; what cannot be sent now waits. */
export function sendReceipt(step: Step, event: Row<'events'>, info: Uint8Array | null): void {
  requireFits('the info of a receipt', info?.length ?? 0, maxReceiptInfo(step.pq))
  if (!has(step.connection.agentVersion as AgentVersion, 'receipts')) return
  const { sentId: sndMsgId, hash: msgHash } = decodePayload('message', event.data)
  const receipt = { sndMsgId, msgHash, info: info ?? noInfo }
  if (canSend(step)) step.send({ type: 'received', receipts: [receipt] })
  else step.command({ tag: 'receipt', ...receipt })
}

/** Carried out as soon as something can be sent. */
export async function runReceipt(context: Context, { connId, commandNo, data }: Row<'commands'>): Promise<void> {
  const command = storedCommand.fromBytes(data)
  if (command.tag !== 'receipt') return
  const { tag: _, ...receipt } = command
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    step.send({ type: 'received', receipts: [receipt] })
  })
}

/** Thrown by a step that has decrypted receipts: it has to be done again with these messages of ours. */
export class NeedsSentMessages extends Error {
  constructor(readonly sentIds: readonly number[]) {
    super('expected the messages that the receipts are of')
  }
}

/** Our messages by their `snd-msg-id`, one query for each. */
export const sentMessageQueries = (connId: Uint8Array, sentIds: readonly number[]) =>
  Object.fromEntries(sentIds.map((sentId) => [sentId, find('messages', 'bySentId', { connId, sentId }, 1)]))

export type SentMessages = Readonly<Record<string, readonly Row<'messages'>[]>>

/**
 * The application learns each result once. The server is told at once: what it has to know is in the events.
 * @throws NeedsSentMessages
 */
export function onReceipts(step: Step, receipts: readonly Receipt[], sent: SentMessages | undefined): Verdict {
  const last = BigInt(step.connection.lastSentId)
  const ours = receipts.filter(({ sndMsgId }) => sndMsgId > 0n && sndMsgId <= last)
  if (!sent) throw new NeedsSentMessages([...new Set(ours.map(({ sndMsgId }) => Number(sndMsgId)))])
  const told = new Map<number, Row<'messages'>['status']>()
  for (const { sndMsgId, msgHash, info } of ours) {
    const [message] = sent[String(sndMsgId)] ?? []
    if (message?.type !== 'msg') continue
    const { connId, messageId } = message
    const former = told.get(messageId) ?? message.status
    const status = constantTimeEqual(msgHash, message.hash) ? 'received' : 'badHash'
    if (former === 'received' || former === status) continue
    told.set(messageId, status)
    // The server's answer to our message was lost, or comes later.
    if (former === 'queued') step.event('sent', {}, { messageId })
    step.write(update('messages', { connId, messageId }, { status }))
    step.event('receipt', { status, info }, { messageId })
  }
  return 'ack'
}

/** What has to be read when the application acknowledges an event. */
export const receiptQueries = ({ connId, messageId }: Row<'events'>) => ({
  message: get('messages', { connId, messageId }),
  deliveries: find('deliveries', 'byMessage', { connId, messageId }, 1),
})

/** Nothing more is to be known of a message whose receipt the application has seen. */
export function forgetReceived(
  step: Step,
  { message, deliveries }: { message: Row<'messages'> | undefined; deliveries: readonly Row<'deliveries'>[] },
): void {
  if (message?.status !== 'received' || deliveries.length > 0) return
  step.write(remove('messages', { connId: message.connId, messageId: message.messageId }))
}
