// Spec 12 §12.7, §12.8: short links of our own: made with a queue, put on a contact queue, changed and deleted.
import { PrivateKey, senderIdOf } from '@smpkit/crypto'
import { EncodeError, equalBytes } from '@smpkit/encoding'
import { deleteLinkData, newCorrId, setLinkData } from '@smpkit/smp-client'
import type { ParsedServerAddress, QueueUri } from '@smpkit/smp-commands/address'
import type { ConnectionRequest, LinkScheme } from './connection-request.js'
import type { Context } from './context.js'
import { PeerError, RequestError } from './errors.js'
import { type LinkType, sealLinkData, sealUserData, type UserLinkData } from './link-data.js'
import { addressOf, createReceiveQueue, type NewReceiveQueue, queueUriOf, recipientOf, serverToText } from './queues.js'
import { type ShortLink, shortenLink, shortLinkToText } from './short-link.js'
import type { Step } from './step.js'
import type { ReceiveQueue } from './step-rows.js'
import { agentVersions } from './versions.js'

export interface ShortLinkOptions {
  /** How the link begins: `simplex:`, or with anything else `https://` and the server's first host. Default: `simplex:`. */
  readonly scheme?: LinkScheme
  readonly signal?: AbortSignal
}

const signalOf = (signal: AbortSignal | undefined) => (signal ? { signal } : {})

/** Ours alone: nobody else has the key that the server asks for before it changes anything. */
function userLinkDataOf(type: LinkType, userData: Uint8Array): UserLinkData {
  if (type === 'invitation') return { type, agentVersions, userData }
  return { type, agentVersions, direct: true, owners: [], relays: [], userData }
}

/** What the caller wants to put behind a link has to fit there. @throws RequestError `LARGE` */
function fitting<T>(seal: () => T): T {
  try {
    return seal()
  } catch (cause) {
    if (!(cause instanceof EncodeError) || cause.code !== 'LARGE') throw cause
    throw new RequestError('LARGE', `expected data that fits a short link: ${cause.message}`, { cause })
  }
}

function newLinkData(connReq: ConnectionRequest, userData: Uint8Array, rootKey: PrivateKey<'ed25519'>) {
  const fixed = { agentVersions, connReq, entityId: null }
  return fitting(() => sealLinkData({ fixed, user: userLinkDataOf(connReq.type, userData), rootKey }))
}

export interface LinkedQueueOptions {
  readonly queueMode: 'messaging' | 'contact'
  /** The request for the queue with this address. */
  readonly request: (queue: QueueUri) => ConnectionRequest
  readonly userData: Uint8Array
  readonly signal?: AbortSignal | undefined
}

/**
 * `NEW` with link data. As these contain the queue's address, the sender id is known before: it follows from the correlation id. Nothing is
 * stored yet, and nobody has the link: what is lost now leaves a queue that nobody knows.
 * @throws RequestError `LARGE`; PeerError `A_LINK` if the server has no short links, or does not keep to the ids
 */
export async function createLinkedQueue(
  context: Context,
  server: ParsedServerAddress,
  userId: string,
  { queueMode, request, userData, signal }: LinkedQueueOptions,
): Promise<NewReceiveQueue> {
  const corrId = newCorrId()
  const senderId = senderIdOf(corrId)
  const dhKey = PrivateKey.generate('x25519')
  const rootKey = PrivateKey.generate('ed25519')
  const uri = queueUriOf({ server: serverToText(server), senderId, dhKey: dhKey.toRaw(), queueMode })
  const { linkKey, linkId, fixedData, userData: sealedUserData } = newLinkData(request(uri), userData, rootKey)
  const link = { fixedData, userData: sealedUserData, ...(linkId && { linkId }) }
  const queue = await createReceiveQueue(context, server, userId, {
    queueMode,
    corrId,
    dhKey,
    link,
    ...signalOf(signal),
  })
  const isAsAsked =
    queue.linkId && equalBytes(queue.senderId, senderId) && (!linkId || equalBytes(queue.linkId, linkId))
  if (!isAsAsked) throw new PeerError('A_LINK', 'expected a server with short links that keeps to the ids of the link')
  return { ...queue, linkKey, linkSigningKey: rootKey.toRaw(), linkFixedData: fixedData }
}

/** What makes us the owner of a short link. */
type Credentials = { readonly [K in 'linkId' | 'linkKey' | 'linkSigningKey' | 'linkFixedData']: Uint8Array }

export function credentialsOf(queue: NewReceiveQueue): Credentials | null {
  const { linkId, linkKey, linkSigningKey, linkFixedData } = queue
  if (!linkId || !linkKey || !linkSigningKey || !linkFixedData) return null
  return { linkId, linkKey, linkSigningKey, linkFixedData }
}

/** The text of a queue's short link, `null` where it has none. */
export function shortLinkOf(
  context: Context,
  type: LinkType,
  queue: NewReceiveQueue,
  scheme: LinkScheme = 'simplex:',
): string | null {
  const credentials = credentialsOf(queue)
  return credentials && shortLinkText(context, type, { ...credentials, server: queue.server }, scheme)
}

function shortLinkText(
  context: Context,
  type: LinkType,
  { server, linkId, linkKey }: { server: string; linkId: Uint8Array; linkKey: Uint8Array },
  scheme: LinkScheme,
): string {
  const base = { scheme: scheme === 'simplex:' ? 'simplex' : 'server', server: addressOf(server), linkKey } as const
  const link: ShortLink = type === 'invitation' ? { ...base, type, linkId } : { ...base, type, contactType: 'address' }
  return shortLinkToText(shortenLink(link, context.network.presets))
}

/**
 * Gives a contact address a short link, or new user data to the short link that the connection has. Its key is stored before the server is
 * told: called again, it is the same link.
 */
export function setShortLink(
  context: Context,
  connId: Uint8Array,
  userData: Uint8Array,
  options: ShortLinkOptions = {},
): Promise<string> {
  return exclusively(context, connId, options.signal, () => set(context, connId, userData, options))
}

/** One change at a time: in the end the server has what the store says. */
async function exclusively<T>(
  context: Context,
  connId: Uint8Array,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const queue = await context.step(connId, {}, queueOf)
  return await context.fetching.exclusive(queue, signal ?? context.closing, work)
}

async function set(
  context: Context,
  connId: Uint8Array,
  userData: Uint8Array,
  { scheme = 'simplex:', signal }: ShortLinkOptions,
): Promise<string> {
  const rootKey = PrivateKey.generate('ed25519')
  const { queue, userId, type, link } = await context.step(connId, {}, (step) => {
    const queue = queueOf(step)
    const { mode: type, userId } = step.connection
    if (type === 'invitation' && queue.status !== 'new')
      throw new RequestError('PROHIBITED', 'expected an invitation that nobody has joined, or a contact address')
    const credentials = credentialsOf(queue) ?? addCredentials(step, queue, rootKey)
    const key = PrivateKey.fromRaw('ed25519', credentials.linkSigningKey)
    const user = userLinkDataOf(type, userData)
    const sealed = fitting(() => sealUserData(credentials.linkKey, user, key))
    return { queue, userId, type, link: { ...credentials, userData: sealed } }
  })
  const { linkId, linkFixedData: fixedData } = link
  const requester = context.network.recipient(queue.server, userId)
  await setLinkData(requester, recipientOf(queue), { linkId, fixedData, userData: link.userData }, signalOf(signal))
  return shortLinkText(context, type, { ...link, server: queue.server }, scheme)
}

function addCredentials(step: Step, queue: ReceiveQueue, rootKey: PrivateKey<'ed25519'>): Credentials {
  if (step.connection.mode !== 'contact')
    throw new RequestError('PROHIBITED', 'expected an invitation that was made with a short link')
  const request = { type: 'contact', agentVersions, queues: [queueUriOf(queue)], clientData: null } as const
  const { linkId, linkKey, fixedData } = newLinkData(request, new Uint8Array(0), rootKey)
  if (!linkId) throw new TypeError('expected the link id of a contact address')
  const credentials = { linkId, linkKey, linkSigningKey: rootKey.toRaw(), linkFixedData: fixedData }
  step.setReceiveQueue(queue.queueNo, credentials)
  return credentials
}

/** The full link goes on working. The server is told first: what it has can then be replaced. */
export function deleteShortLink(
  context: Context,
  connId: Uint8Array,
  { signal }: Pick<ShortLinkOptions, 'signal'> = {},
): Promise<void> {
  return exclusively(context, connId, signal, () => remove(context, connId, signal))
}

async function remove(context: Context, connId: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  const { queue, userId } = await context.step(connId, {}, (step) => ({
    queue: queueOf(step),
    userId: step.connection.userId,
  }))
  await deleteLinkData(context.network.recipient(queue.server, userId), recipientOf(queue), signalOf(signal))
  await context.step(connId, {}, (step) => {
    const none = { linkId: null, linkKey: null, linkSigningKey: null, linkFixedData: null }
    if (step.receiveQueues.some(({ queueNo }) => queueNo === queue.queueNo)) step.setReceiveQueue(queue.queueNo, none)
  })
}

function queueOf({ receiveQueues }: Step): ReceiveQueue {
  const queue = receiveQueues.find(({ deleted }) => !deleted)
  if (!queue) throw new RequestError('PROHIBITED', 'expected an invitation or a contact address')
  return queue
}
