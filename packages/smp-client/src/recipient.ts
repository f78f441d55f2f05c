// Spec 04 §4, §6: what the recipient of a queue does with it.
import { type AuthKey, dh, type PrivateAuthKey, PrivateKey, senderIdOf } from '@smpkit/crypto'
import type { CommandOf, QueueInformation, QueueMode } from '@smpkit/smp-commands'
import { newCorrId } from './corr-ids.js'
import type { Notifier } from './notifier.js'
import { QueueMessage, type ReceivingQueue } from './queue-messages.js'
import type { Requester, RequestOptions } from './requests.js'

/** A queue as its recipient knows it. */
export interface Queue extends ReceivingQueue {
  readonly senderId: Uint8Array
  /** `null` below version 15 where the server does not know it. */
  readonly queueMode: QueueMode | null
  /** Of its short link, where it has link data. */
  readonly linkId: Uint8Array | null
  /** The service that the server counts the queue to. */
  readonly serviceId: Uint8Array | null
  readonly notifier: Notifier | null
}

export interface NewQueueOptions extends RequestOptions {
  /** Default: a new Ed25519 key. */
  recipientKey?: PrivateAuthKey
  /** For a server that asks for one. */
  password?: string | null
  /** Whether messages come in this session. Default `subscribe`. */
  subMode?: CommandOf<'NEW'>['subMode']
  /** Who secures the queue: its sender (`messaging`, the default), or nobody, for many senders (`contact`). */
  queueMode?: QueueMode
  /** Data for a short link, both parts sealed, from version 15. A contact queue brings the id that follows from its link key. */
  link?: { readonly fixedData: Uint8Array; readonly userData: Uint8Array; readonly linkId?: Uint8Array }
  /**
   * 24 random bytes, see `newCorrId`. Default: new ones. With link data the sender id follows from it (`senderIdOf`): who has to
   * put that into the data chooses it before.
   */
  corrId?: Uint8Array
  /** Makes a notifier with this key, from version 17. */
  notifierKey?: PrivateAuthKey
}

/** `NEW`. Not to be repeated blindly: each makes a queue. */
export async function newQueue(requester: Requester, options: NewQueueOptions = {}): Promise<Queue> {
  const { recipientKey = PrivateKey.generate('ed25519'), corrId = newCorrId(), notifierKey } = options
  const dhKey = PrivateKey.generate('x25519')
  const notifierDhKey = PrivateKey.generate('x25519')
  const ids = await requester.request(
    {
      command: {
        tag: 'NEW',
        authKey: recipientKey.publicKey as AuthKey,
        dhKey: dhKey.publicKey,
        basicAuth: options.password ?? null,
        subMode: options.subMode ?? 'subscribe',
        queueReq: queueReq(options, senderIdOf(corrId)),
        ntfCreds: notifierKey ? { authKey: notifierKey.publicKey as AuthKey, dhKey: notifierDhKey.publicKey } : null,
      },
      key: recipientKey,
      corrId,
    },
    options,
  )
  const { recipientId, senderId, queueMode, linkId, serviceId, ntfCreds } = ids
  const notifier = notifierKey &&
    ntfCreds && {
      notifierId: ntfCreds.notifierId,
      notifierKey,
      secret: dh(notifierDhKey, ntfCreds.serverDhKey),
    }
  const secret = dh(dhKey, ids.serverDhKey)
  return { recipientId, recipientKey, secret, senderId, queueMode, linkId, serviceId, notifier: notifier ?? null }
}

function queueReq(
  { queueMode = 'messaging', link }: NewQueueOptions,
  senderId: Uint8Array,
): CommandOf<'NEW'>['queueReq'] {
  if (!link) return { mode: queueMode, link: null }
  const { fixedData, userData, linkId } = link
  if (queueMode === 'messaging') return { mode: queueMode, link: { senderId, fixedData, userData } }
  if (!linkId) throw new TypeError('expected the link id of a contact queue with link data')
  return { mode: queueMode, link: { linkId, senderId, fixedData, userData } }
}

/** What authorizes the commands of a recipient. */
export type RecipientQueue = Pick<ReceivingQueue, 'recipientId' | 'recipientKey'>

const as = ({ recipientId, recipientKey }: RecipientQueue) => ({ entityId: recipientId, key: recipientKey })

/** `SUB`: messages come as events of this session. The id of the service that the queue is counted to, or `null`. */
export async function subscribe(
  requester: Requester,
  queue: RecipientQueue,
  options?: RequestOptions,
): Promise<Uint8Array | null> {
  const answer = await requester.request({ command: { tag: 'SUB' }, ...as(queue) }, options)
  return answer.tag === 'SOK' ? answer.serviceId : null
}

/** `GET`: the first message without subscribing, to be acknowledged as usual; `null` where there is none. */
export async function getMessage(
  requester: Requester,
  queue: ReceivingQueue,
  options?: RequestOptions,
): Promise<QueueMessage | null> {
  const answer = await requester.request({ command: { tag: 'GET' }, ...as(queue) }, options)
  return answer.tag === 'MSG' ? new QueueMessage(requester, queue, answer) : null
}

/** `ACK`: the server deletes the message, and the next one comes as an event. */
export async function acknowledge(
  requester: Requester,
  queue: RecipientQueue,
  msgId: Uint8Array,
  options?: RequestOptions,
): Promise<void> {
  await requester.request({ command: { tag: 'ACK', msgId }, ...as(queue) }, options)
}

/** `KEY`: from now on only who has this sender's key can send. */
export async function secureQueue(
  requester: Requester,
  queue: RecipientQueue,
  senderKey: AuthKey,
  options?: RequestOptions,
): Promise<void> {
  await requester.request({ command: { tag: 'KEY', senderKey }, ...as(queue) }, options)
}

/** `RKEY`: other keys for the recipients of a contact queue, 1 to 255. */
export async function replaceRecipientKeys(
  requester: Requester,
  queue: RecipientQueue,
  keys: AuthKey[],
  options?: RequestOptions,
): Promise<void> {
  await requester.request({ command: { tag: 'RKEY', keys }, ...as(queue) }, options)
}

/** `QUE`: the state of the queue, as the server sees it. */
export async function queueInformation(
  requester: Requester,
  queue: RecipientQueue,
  options?: RequestOptions,
): Promise<QueueInformation> {
  return (await requester.request({ command: { tag: 'QUE' }, ...as(queue) }, options)).info
}

/** `OFF`: nobody can send any more. What is in the queue can be received. There is no way back. */
export async function turnOff(requester: Requester, queue: RecipientQueue, options?: RequestOptions): Promise<void> {
  await requester.request({ command: { tag: 'OFF' }, ...as(queue) }, options)
}

/** `DEL`: the queue with all that belongs to it. */
export async function deleteQueue(
  requester: Requester,
  queue: RecipientQueue,
  options?: RequestOptions,
): Promise<void> {
  await requester.request({ command: { tag: 'DEL' }, ...as(queue) }, options)
}

/** `LSET`: gives a queue link data, or changes its user data. */
export async function setLinkData(
  requester: Requester,
  queue: RecipientQueue,
  link: Omit<CommandOf<'LSET'>, 'tag'>,
  options?: RequestOptions,
): Promise<void> {
  await requester.request({ command: { tag: 'LSET', ...link }, ...as(queue) }, options)
}

/** `LDEL` */
export async function deleteLinkData(
  requester: Requester,
  queue: RecipientQueue,
  options?: RequestOptions,
): Promise<void> {
  await requester.request({ command: { tag: 'LDEL' }, ...as(queue) }, options)
}
