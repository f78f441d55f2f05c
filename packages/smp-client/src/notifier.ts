// Spec 04 §7: notifications of a queue's messages.
import { type AuthKey, dh, type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import type { RecipientQueue } from './recipient.js'
import type { Requester, RequestOptions } from './requests.js'

/** Who is notified of a queue's messages: id and key go to the notification server, the secret stays with the recipient. */
export interface Notifier {
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
  /** 32 bytes; decrypts the metadata of `NMSG` (`decryptNmsgMeta`). */
  readonly secret: Uint8Array
}

/**
 * `NKEY`: gives the queue a new notifier in place of the one that it has. Not to be repeated blindly: each makes another.
 * @param notifierKey default: a new Ed25519 key
 */
export async function addNotifier(
  requester: Requester,
  { recipientId, recipientKey }: RecipientQueue,
  { notifierKey = PrivateKey.generate('ed25519'), ...options }: RequestOptions & { notifierKey?: PrivateAuthKey } = {},
): Promise<Notifier> {
  const dhKey = PrivateKey.generate('x25519')
  const authKey = notifierKey.publicKey as AuthKey
  const { notifierId, serverDhKey } = await requester.request(
    { command: { tag: 'NKEY', authKey, dhKey: dhKey.publicKey }, entityId: recipientId, key: recipientKey },
    options,
  )
  return { notifierId, notifierKey, secret: dh(dhKey, serverDhKey) }
}

/** `NDEL` */
export async function removeNotifier(
  requester: Requester,
  { recipientId, recipientKey }: RecipientQueue,
  options?: RequestOptions,
): Promise<void> {
  await requester.request({ command: { tag: 'NDEL' }, entityId: recipientId, key: recipientKey }, options)
}

/** `NSUB`: `NMSG`s come as events of this session. The id of the service that the queue is counted to, or `null`. */
export async function subscribeNotifications(
  requester: Requester,
  { notifierId, notifierKey }: Pick<Notifier, 'notifierId' | 'notifierKey'>,
  options?: RequestOptions,
): Promise<Uint8Array | null> {
  const answer = await requester.request({ command: { tag: 'NSUB' }, entityId: notifierId, key: notifierKey }, options)
  return answer.tag === 'SOK' ? answer.serviceId : null
}
