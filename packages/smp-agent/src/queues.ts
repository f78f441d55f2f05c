// Spec 13 §13.1, §13.2: making queues, ours and those that we send to.
import { type AuthKey, dh, type PrivateAuthKey, PrivateKey, type PublicKey } from '@smpkit/crypto'
import { equalBytes } from '@smpkit/encoding'
import { type NewQueueOptions, newQueue, type Queue } from '@smpkit/smp-client'
import {
  type ParsedServerAddress,
  parseServerAddress,
  type QueueInfo,
  type QueueUri,
  type ServerAddress,
  serverAddressToText,
} from '@smpkit/smp-commands/address'
import type { Context } from './context.js'
import { fromPeer } from './errors.js'
import type { ReceiveQueue, SendQueue } from './step-rows.js'
import { clientVersions, ownQueueVersions } from './versions.js'

/** The address of a server as rows keep it. */
export const serverToText = ({ hosts, port, keyHash }: ServerAddress): string =>
  serverAddressToText({ hosts, port, keyHash })

/** What two addresses of one server have in common: hosts and port, not the certificate (13.1). */
export const sameServer = (a: ServerAddress, b: ServerAddress): boolean =>
  a.port === b.port && a.hosts.length === b.hosts.length && a.hosts.every(({ text }, i) => text === b.hosts[i]?.text)

/** Where a queue is and what its sender calls it. */
export interface SenderAddress {
  readonly server: ServerAddress
  readonly senderId: Uint8Array
}

/** Whether an address in a message is that of a queue: hosts, port and id (13.1). */
export function sameAddress(
  { server, senderId }: SenderAddress,
  queue: { readonly server: string; readonly senderId: Uint8Array },
): boolean {
  return sameServer(server, addressOf(queue.server)) && equalBytes(senderId, queue.senderId)
}

export type NewReceiveQueue = Omit<ReceiveQueue, 'connId' | 'queueNo'>

/** `NEW` on a server. Nothing is stored yet: what is lost now leaves a queue that nobody knows. */
export async function createReceiveQueue(
  context: Context,
  server: ParsedServerAddress,
  userId: string,
  options: Pick<NewQueueOptions, 'queueMode' | 'link' | 'corrId' | 'signal'> & {
    readonly dhKey?: PrivateKey<'x25519'>
    readonly clientVersion?: number
  } = {},
): Promise<NewReceiveQueue> {
  const { dhKey = PrivateKey.generate('x25519'), clientVersion = clientVersions.max, ...rest } = options
  const text = serverToText(server)
  const requester = context.network.recipient(text, userId)
  const queue = await newQueue(requester, { ...rest, subMode: 'create', password: server.password })
  return receiveQueueRow(text, queue, { dhKey, clientVersion })
}

/** What all new queues of ours have in common. */
export const freshReceiveQueue = {
  e2eSecret: null,
  status: 'new',
  isPrimary: true,
  replaces: null,
  switchStatus: 'none',
  deleted: false,
  deleteErrors: 0,
  lastMessageTs: 0,
  linkId: null,
  linkKey: null,
  linkSigningKey: null,
  linkFixedData: null,
  notifierId: null,
  notifierKey: null,
  notifierSecret: null,
} as const

function receiveQueueRow(
  server: string,
  { recipientId, senderId, recipientKey, secret, queueMode, linkId }: Queue,
  { dhKey, clientVersion }: { dhKey: PrivateKey<'x25519'>; clientVersion: number },
): NewReceiveQueue {
  return {
    server,
    recipientId,
    senderId,
    recipientKey: recipientKey.toDer(),
    bodySecret: secret,
    dhKey: dhKey.toRaw(),
    ...freshReceiveQueue,
    clientVersion,
    queueMode,
    linkId,
  }
}

/** What authorizes our commands for a queue. */
export const recipientOf = ({ recipientId, recipientKey, bodySecret }: ReceiveQueue) => ({
  recipientId,
  recipientKey: PrivateKey.fromDer(recipientKey) as PrivateAuthKey,
  secret: bodySecret,
})

export const dhKeyOf = (queue: Pick<ReceiveQueue, 'dhKey'>): PrivateKey<'x25519'> =>
  PrivateKey.fromRaw('x25519', queue.dhKey)

/** What the sender of a queue of ours is told of it, inside a message of this version. */
export function queueInfoOf(queue: NewReceiveQueue, version: number): QueueInfo {
  const { senderId, queueMode } = queue
  return { version, server: addressOf(queue.server), senderId, dhKey: dhKeyOf(queue).publicKey, queueMode }
}

/** The address of a queue of ours, for links. */
export function queueUriOf(queue: Pick<NewReceiveQueue, 'server' | 'senderId' | 'dhKey' | 'queueMode'>): QueueUri {
  const { senderId, queueMode } = queue
  const server = addressOf(queue.server)
  return { versionRange: ownQueueVersions, server, senderId, dhKey: dhKeyOf(queue).publicKey, queueMode }
}

export function addressOf(server: string): ServerAddress {
  const { hosts, port, keyHash } = parseServerAddress(server, 'smp')
  return { hosts, port, keyHash }
}

/** @throws PeerError `A_CRYPTO` for a key of low order, with which everybody would know the secret */
export const secretWith = (own: PrivateKey<'x25519'>, theirs: PublicKey<'x25519'>): Uint8Array =>
  fromPeer('the key of a queue', () => dh(own, theirs))

export type NewSendQueue = Omit<SendQueue, 'connId' | 'queueNo'>

/**
 * A queue that we will send to, with new keys. `senderKey`: where the queue was secured with one already.
 * @throws PeerError, see `secretWith`
 */
export function newSendQueue(
  queue: Omit<QueueInfo, 'version'>,
  clientVersion: number,
  senderKey?: PrivateAuthKey,
): NewSendQueue {
  const key = PrivateKey.generate('x25519')
  return {
    server: serverToText(queue.server),
    senderId: queue.senderId.slice(),
    senderKey: (senderKey ?? PrivateKey.generate('ed25519')).toDer(),
    dhPublicKey: key.publicKey.toRaw(),
    e2eSecret: secretWith(key, queue.dhKey),
    status: senderKey ? 'secured' : 'new',
    isPrimary: true,
    replaces: null,
    switchStatus: 'none',
    clientVersion,
    queueMode: queue.queueMode,
  }
}

export const senderKeyOf = (queue: Pick<SendQueue, 'senderKey'>): PrivateAuthKey =>
  PrivateKey.fromDer(queue.senderKey) as PrivateAuthKey

export const publicSenderKeyOf = (queue: Pick<SendQueue, 'senderKey'>): AuthKey =>
  senderKeyOf(queue).publicKey as PublicKey as AuthKey
