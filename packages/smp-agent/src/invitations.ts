// Spec 13 §13.2, §13.4: making one-time invitations and contact addresses.
import type { Row } from '@smpkit/agent-store'
import { createRatchetKeys, e2eVersions, paramsRangeOf, type RatchetKeys } from '@smpkit/ratchet'
import type { QueueUri } from '@smpkit/smp-commands/address'
import { type ConnectionId, idToText, newId } from './connection-id.js'
import {
  type ConnectionRequest,
  type ContactRequest,
  connectionRequestToText,
  type InvitationRequest,
  type LinkScheme,
} from './connection-request.js'
import type { Context } from './context.js'
import { RequestError } from './errors.js'
import { createReceiveQueue, type NewReceiveQueue, queueUriOf } from './queues.js'
import { createLinkedQueue, type LinkedQueueOptions, shortLinkOf } from './short-links.js'
import { agentVersions } from './versions.js'

export interface CreateOptions {
  /** Whose connection it is: those of different users never share a session with a server. Default: one user. */
  readonly userId?: string
  /** How the links begin. With anything else, a short link begins with `https://` and its server's first host. Default: `simplex:`. */
  readonly scheme?: LinkScheme
  /** For who reads the full link. */
  readonly clientData?: string | null
  /** Also make a short link, for QR codes: what a full link says is kept, encrypted, at the queue's server. Default: `false`. */
  readonly short?: boolean
  /** For who reads the short link: a profile, for instance. At most 13,706 bytes. Default: none. */
  readonly userData?: Uint8Array
  readonly signal?: AbortSignal
}

export interface Links {
  /** The full link. */
  readonly link: string
  /** `null` where there is none. */
  readonly shortLink: string | null
}

export interface Created extends Links {
  readonly connection: ConnectionId
}

const noBytes = new Uint8Array(0)

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
    lastSentHash: noBytes,
    lastReceivedId: '0',
    lastReceivedHash: noBytes,
    createdAt: context.now(),
  }
}

/** Makes a queue and the keys of an invitation to it. Whoever has the link first can join. */
export async function createInvitation(context: Context, options: CreateOptions = {}): Promise<Created> {
  const { userId = '', scheme, clientData = null, short = false } = options
  const connection = newConnection(context, { mode: 'invitation', userId })
  // A full link with a post-quantum key is too long for a QR code: a short link has it, or the confirmation proposes one (12.9).
  const keys = createRatchetKeys({ kem: short && context.pqSupport })
  const request = (uri: QueueUri) => invitationOf(uri, keys, clientData)
  const queue = await createQueue(context, userId, { ...options, queueMode: 'messaging', request })
  await context.create(connection, {}, (step) => {
    step.addReceiveQueue(queue)
    step.setRatchet({ keys })
  })
  const full = invitationOf(queueUriOf(queue), { ...keys, kem: null }, clientData)
  return { connection: idToText(connection.connId), ...linksOf(context, queue, full, scheme) }
}

async function createQueue(
  context: Context,
  userId: string,
  {
    short = false,
    userData = noBytes,
    signal,
    ...more
  }: CreateOptions & Pick<LinkedQueueOptions, 'queueMode' | 'request'>,
): Promise<NewReceiveQueue> {
  const server = context.network.chooseServer()
  if (short) return createLinkedQueue(context, server, userId, { ...more, userData, signal })
  return createReceiveQueue(context, server, userId, { queueMode: more.queueMode, ...(signal ? { signal } : {}) })
}

function linksOf(
  context: Context,
  queue: NewReceiveQueue,
  request: ConnectionRequest,
  scheme: LinkScheme | undefined,
): Links {
  return {
    link: connectionRequestToText(request, scheme),
    shortLink: shortLinkOf(context, request.type, queue, scheme),
  }
}

export function invitationOf(queue: QueueUri, keys: RatchetKeys, clientData: string | null = null): InvitationRequest {
  return {
    type: 'invitation',
    agentVersions,
    queues: [queue],
    clientData,
    e2e: paramsRangeOf(keys, e2eVersions),
  }
}

const addressAt = (queue: QueueUri, clientData: string | null = null): ContactRequest => ({
  type: 'contact',
  agentVersions,
  queues: [queue],
  clientData,
})

/** Makes a queue that anybody can send requests to. */
export async function createAddress(context: Context, options: CreateOptions = {}): Promise<Created> {
  const { userId = '', scheme, clientData } = options
  const connection = newConnection(context, { mode: 'contact', userId })
  const request = (uri: QueueUri) => addressAt(uri, clientData)
  const queue = await createQueue(context, userId, { ...options, queueMode: 'contact', request })
  await context.create(connection, {}, (step) => step.addReceiveQueue(queue))
  return { connection: idToText(connection.connId), ...linksOf(context, queue, request(queueUriOf(queue)), scheme) }
}

/** The links of a contact address, without the client data, which are not kept. @throws RequestError `NOT_FOUND`, `PROHIBITED` */
export async function links(
  context: Context,
  connId: Uint8Array,
  { scheme }: Pick<CreateOptions, 'scheme'> = {},
): Promise<Links> {
  const queue = await context.step(connId, {}, ({ connection, receiveQueues }) => {
    const [queue] = receiveQueues
    if (connection.mode !== 'contact' || !queue) throw new RequestError('PROHIBITED', 'expected a contact address')
    return queue
  })
  return linksOf(context, queue, addressAt(queueUriOf(queue)), scheme)
}
