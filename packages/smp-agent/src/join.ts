// Spec 13 §13.3 (steps 1 to 6), §13.4: joining an invitation, asking at a contact address, accepting a request.
import { get, type Row, remove, update } from '@smpkit/agent-store'
import { dh, type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { encode } from '@smpkit/encoding'
import { createRatchetKeys, e2eParams, startSending } from '@smpkit/ratchet'
import { sendMessage } from '@smpkit/smp-client'
import type { QueueUri } from '@smpkit/smp-commands/address'
import { encryptClientMessage } from './client-message.js'
import { secureSendQueue } from './confirmations.js'
import { type ConnectionId, idToText } from './connection-id.js'
import {
  agreeVersions,
  type ConnectionRequest,
  type ContactRequest,
  connectionRequestToText,
  type InvitationRequest,
  parseConnectionRequest,
} from './connection-request.js'
import type { Context } from './context.js'
import { LinkError, RequestError } from './errors.js'
import { invitationOf, newConnection } from './invitations.js'
import { addressOf, createReceiveQueue, newSendQueue, queueInfoOf, queueUriOf, serverToText } from './queues.js'
import { forgetLink, resolveToJoin, securedQuery, senderKeyOfLink } from './resolve.js'
import { maxInvitationInfo, requireFits } from './size-limits.js'
import type { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'
import { storedCommand, storedRequest } from './stored.js'
import { has } from './versions.js'

export interface JoinOptions {
  /** What the peer's application is told with the first message. At most 14,600 bytes, 10,900 with post-quantum encryption. */
  readonly info: Uint8Array
  readonly userId?: string
  /** For reading a short link; what follows goes on without it. */
  readonly signal?: AbortSignal
}

/**
 * Stores what is needed to join; all else follows in the background, and comes as events. A short link is read before, unless it was, and the
 * request in it given.
 */
export async function join(
  context: Context,
  link: string | ConnectionRequest,
  options: JoinOptions,
): Promise<ConnectionId> {
  const request = typeof link === 'string' ? await resolveToJoin(context, link, options) : link
  const connection = newConnection(context, { mode: 'invitation', userId: options.userId })
  if (request.type === 'contact') await ask(context, connection, request, options.info)
  else {
    const rows = invitationRows(context, connection, request, options.info)
    await context.create(rows.connection, { secured: securedQuery(rows.queue) }, (step, { secured: [secured] }) => {
      rows.write(step, secured && senderKeyOfLink(secured))
      if (secured) step.write(forgetLink(secured))
    })
  }
  return idToText(connection.connId)
}

/** What joining an invitation writes: keys are made here, so that a step which runs again writes the same. */
function invitationRows(
  context: Context,
  connection: Row<'connections'>,
  request: InvitationRequest,
  info: Uint8Array,
): { connection: Row<'connections'>; queue: QueueUri; write: (step: Step, senderKey?: PrivateAuthKey) => void } {
  const { agentVersion, clientVersion, e2eVersion } = agreeVersions(request)
  const [queue] = request.queues
  if (!queue || e2eVersion === null) throw new LinkError('SYNTAX', 'expected an invitation with a queue')
  const pqSupport = context.pqSupport && has(agentVersion, 'pqRatchet') && e2eVersion >= 3
  requireFits('info', info.length, pqSupport ? 10_900 : 14_600)
  const { key1, key2, kem } = request.e2e
  const peer = { version: e2eVersion, key1, key2, kem: pqSupport ? kem : null }
  const { params, state } = startSending(peer, { pqSupport })
  return {
    connection: { ...connection, agentVersion, pqSupport },
    queue,
    write(step, senderKey) {
      step.addSendQueue(newSendQueue(queue, clientVersion, senderKey))
      step.setRatchet({ params: encode(e2eParams, params), state })
      step.command({ tag: 'join', info })
    },
  }
}

/** Steps 3 to 6. */
export async function runJoin(context: Context, row: Row<'commands'>, signal: AbortSignal): Promise<void> {
  const { connId, commandNo } = row
  const command = storedCommand.fromBytes(row.data)
  if (command.tag !== 'join') return
  const { sendQueue, receiveQueue, userId } = await context.step(connId, {}, (step) => ({
    sendQueue: step.sendQueues[0],
    receiveQueue: step.receiveQueues[0],
    userId: step.connection.userId,
  }))
  if (!sendQueue) throw new RequestError('NOT_FOUND', 'expected the queue to join, it has gone')
  await secureSendQueue(context, sendQueue, userId, signal)
  if (sendQueue.queueMode === 'messaging' && sendQueue.status === 'new') {
    await context.step(connId, {}, (step) => step.setSendQueue(sendQueue.queueNo, { status: 'secured' }))
  }
  const { clientVersion } = sendQueue
  const reply =
    receiveQueue ?? (await addReplyQueue(context, connId, userId, { clientVersion, signal, peer: sendQueue.server }))
  await context.step(connId, {}, (step) => {
    step.write(remove('commands', { commandNo }))
    const replyQueues = [queueInfoOf(reply, clientVersion)]
    step.sendConfirmation({ type: 'connInfoReply', replyQueues, connInfo: command.info }, sendQueue.queueNo)
  })
}

/** A queue of ours for the peer to send to, on a server of another host than the peer's if there is one. */
async function addReplyQueue(
  context: Context,
  connId: Uint8Array,
  userId: string,
  { peer, ...options }: { peer: string; clientVersion?: number; signal: AbortSignal },
): Promise<ReceiveQueue> {
  const server = context.network.chooseServer([addressOf(peer)])
  const queue = await createReceiveQueue(context, server, userId, options)
  return await context.step(connId, {}, (step) => step.addReceiveQueue(queue))
}

/** Becomes the initiator of a connection that the owner of the address will join. */
async function ask(
  context: Context,
  connection: Row<'connections'>,
  request: ContactRequest,
  info: Uint8Array,
): Promise<void> {
  const { agentVersion, clientVersion } = agreeVersions(request)
  const [queue] = request.queues
  if (!queue) throw new LinkError('SYNTAX', 'expected a contact address with a queue')
  const { server, senderId, dhKey, queueMode } = queue
  const pqSupport = connection.pqSupport && has(agentVersion, 'pqRatchet')
  requireFits('info', info.length, pqSupport ? 10_900 : 14_600)
  const command = {
    tag: 'request',
    info,
    agentVersion,
    queue: { version: clientVersion, server, senderId, dhKey, queueMode: queueMode ?? 'contact' },
  } as const
  const keys = createRatchetKeys({ kem: pqSupport })
  await context.create({ ...connection, agentVersion, pqSupport }, {}, (step) => {
    step.setRatchet({ keys })
    step.command(command)
  })
}

/** The request itself is not stored: sent again, it has another key, and the owner knows it by its queue. */
export async function runRequest(context: Context, row: Row<'commands'>, signal: AbortSignal): Promise<void> {
  const { connId, commandNo } = row
  const command = storedCommand.fromBytes(row.data)
  if (command.tag !== 'request') return
  const { queue: address, agentVersion, info } = command
  const { receiveQueue, keys, userId } = await context.step(connId, {}, (step) => ({
    receiveQueue: step.receiveQueues[0],
    keys: step.ratchetKeys,
    userId: step.connection.userId,
  }))
  if (keys) {
    const peer = serverToText(address.server)
    const queue = receiveQueue ?? (await addReplyQueue(context, connId, userId, { signal, peer }))
    const connReq = invitationOf(queueUriOf(queue), keys)
    requireFits('info', info.length, maxInvitationInfo(connectionRequestToText(connReq).length))
    const dhKey = PrivateKey.generate('x25519')
    const body = encryptClientMessage(
      dh(dhKey, address.dhKey),
      { senderKey: null, envelope: { agentVersion, type: 'invitation', connReq, connInfo: info } },
      { clientVersion: address.version, dhKey: dhKey.publicKey },
    )
    const requester = context.network.sender(address.server, userId)
    await sendMessage(requester, { senderId: address.senderId, senderKey: null }, body, { notification: true, signal })
  }
  await context.step(connId, {}, (step) => step.write(remove('commands', { commandNo })))
}

/** Joins the invitation of a request to our contact address. To accept it again gives the same connection. */
export async function accept(context: Context, requestId: Uint8Array, options: JoinOptions): Promise<ConnectionId> {
  const { request } = await context.store.read({ request: get('requests', { requestId }) })
  if (!request) throw new RequestError('NOT_FOUND', 'expected a request to one of our contact addresses')
  if (request.status === 'accepted') return idToText(request.acceptedId)
  const { link } = storedRequest.fromBytes(request.data)
  const invitation = parseConnectionRequest(link)
  if (invitation.type !== 'invitation') throw new LinkError('TYPE', 'expected the request to hold an invitation')
  const { address } = await context.store.read({ address: get('connections', { connId: request.connId }) })
  const userId = address?.userId ?? options.userId
  const { info } = options
  const rows = invitationRows(context, newConnection(context, { mode: 'invitation', userId }), invitation, info)
  const accepted = await context.create(rows.connection, { request: get('requests', { requestId }) }, (step, found) => {
    if (found.request?.status !== 'new')
      throw new RequestError('PROHIBITED', 'expected a request that waits for an answer')
    rows.write(step)
    const { connId: acceptedId } = step
    const data = storedRequest.toBytes({ link, info })
    step.write(update('requests', { requestId }, { status: 'accepted', acceptedId, data }))
    return acceptedId
  })
  return idToText(accepted)
}
