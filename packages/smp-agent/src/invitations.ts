// Spec 13 §13.2, §13.4: making one-time invitations and contact addresses.
import type { Row } from '@smpkit/agent-store'
import { createRatchetKeys, e2eVersions, paramsRangeOf, type RatchetKeys } from '@smpkit/ratchet'
import { type ConnectionId, idToText, newId } from './connection-id.js'
import { connectionRequestToText, type InvitationRequest, type LinkScheme } from './connection-request.js'
import type { Context } from './context.js'
import { createReceiveQueue, type NewReceiveQueue, queueUriOf } from './queues.js'
import { agentVersions } from './versions.js'

export interface CreateOptions {
  /** Whose connection it is: those of different users never share a session with a server. Default: one user. */
  readonly userId?: string
  /** How the link begins. Default: `simplex:`. */
  readonly scheme?: LinkScheme
  /** For who reads the full link. */
  readonly clientData?: string | null
  readonly signal?: AbortSignal
}

export interface Created {
  readonly connection: ConnectionId
  /** The full link. */
  readonly link: string
}

const noHash = new Uint8Array(0)

export function newConnection(
  context: Pick<Context, 'now' | 'pqSupport'>,
  { mode, userId = '' }: { mode: 'invitation' | 'contact'; userId?: string | undefined },
): Row<'connections'> {
  return {
    connId: newId(),
    mode,
    userId,
    agentVersion: agentVersions.max,
    pqSupport: context.pqSupport && mode === 'invitation',
    notifications: false,
    synchronization: 'ok',
    deletion: 'no',
    deletedAt: 0,
    lastMessageId: 0,
    lastSentId: 0,
    lastSentHash: noHash,
    lastReceivedId: '0',
    lastReceivedHash: noHash,
    createdAt: context.now(),
  }
}

/** Makes a queue and the keys of an invitation to it. Whoever has the link first can join. */
export async function createInvitation(context: Context, options: CreateOptions = {}): Promise<Created> {
  const { userId = '', scheme, clientData = null, signal } = options
  const connection = newConnection(context, { mode: 'invitation', userId })
  const server = context.network.chooseServer()
  const queue = await createReceiveQueue(context, server, userId, signal ? { signal } : {})
  // A link with a post-quantum key is too long for a QR code: the confirmation proposes one instead (12.9).
  const keys = createRatchetKeys({ kem: false })
  await context.create(connection, {}, (step) => {
    step.addReceiveQueue(queue)
    step.setRatchet({ keys })
  })
  const link = connectionRequestToText(invitationOf(queue, keys, clientData), scheme)
  return { connection: idToText(connection.connId), link }
}

export function invitationOf(
  queue: NewReceiveQueue,
  keys: RatchetKeys,
  clientData: string | null = null,
): InvitationRequest {
  return {
    type: 'invitation',
    agentVersions,
    queues: [queueUriOf(queue)],
    clientData,
    e2e: paramsRangeOf(keys, e2eVersions),
  }
}

/** Makes a queue that anybody can send requests to. */
export async function createAddress(context: Context, options: CreateOptions = {}): Promise<Created> {
  const { userId = '', scheme, clientData = null, signal } = options
  const connection = newConnection(context, { mode: 'contact', userId })
  const server = context.network.chooseServer()
  const more = { queueMode: 'contact', ...(signal ? { signal } : {}) } as const
  const queue = await createReceiveQueue(context, server, userId, more)
  await context.create(connection, {}, (step) => step.addReceiveQueue(queue))
  const request = { type: 'contact', agentVersions, queues: [queueUriOf(queue)], clientData } as const
  return { connection: idToText(connection.connId), link: connectionRequestToText(request, scheme) }
}
