// Spec 04 §4, §6: what the sender does with a queue, directly or through a proxy.
import type { AuthKey, PrivateAuthKey } from '@smpkit/crypto'
import type { MessageOf } from '@smpkit/smp-commands'
import type { Requester, RequestOptions } from './requests.js'

/** A queue as its sender knows it. */
export interface SendingQueue {
  readonly senderId: Uint8Array
  /** `null` as long as the queue is not secured. */
  readonly senderKey: PrivateAuthKey | null
}

/** `SKEY`: secures a messaging queue with the sender's own key. */
export async function secureAsSender(
  requester: Requester,
  senderId: Uint8Array,
  senderKey: PrivateAuthKey,
  options?: RequestOptions,
): Promise<void> {
  const command = { tag: 'SKEY', senderKey: senderKey.publicKey as AuthKey } as const
  await requester.request({ command, entityId: senderId, key: senderKey }, options)
}

/**
 * `SEND`: a body of at most 16048 bytes. `notification`: the recipient's device may be woken.
 * @throws SmpReplyError `QUOTA` if the queue is full, until the recipient has received all that is in it
 */
export async function sendMessage(
  requester: Requester,
  { senderId, senderKey }: SendingQueue,
  body: Uint8Array,
  { notification = false, ...options }: RequestOptions & { notification?: boolean } = {},
): Promise<void> {
  await requester.request({ command: { tag: 'SEND', notification, body }, entityId: senderId, key: senderKey }, options)
}

/** What is behind a short link, both parts sealed. */
export type LinkData = Omit<MessageOf<'LNK'>, 'tag'>

/** `LKEY`: secures a messaging queue by its link and fetches the link data. */
export async function secureByLink(
  requester: Requester,
  linkId: Uint8Array,
  senderKey: PrivateAuthKey,
  options?: RequestOptions,
): Promise<LinkData> {
  const command = { tag: 'LKEY', senderKey: senderKey.publicKey as AuthKey } as const
  const { senderId, fixedData, userData } = await requester.request(
    { command, entityId: linkId, key: senderKey },
    options,
  )
  return { senderId, fixedData, userData }
}

/** `LGET`: the link data of a contact queue. */
export async function getLinkData(
  requester: Requester,
  linkId: Uint8Array,
  options?: RequestOptions,
): Promise<LinkData> {
  const answer = await requester.request({ command: { tag: 'LGET' }, entityId: linkId }, options)
  const { senderId, fixedData, userData } = answer
  return { senderId, fixedData, userData }
}

/** `PING` */
export async function ping(requester: Requester, options?: RequestOptions): Promise<void> {
  await requester.request({ command: { tag: 'PING' } }, options)
}
