// A queue of the tests, with the keys of everybody who has to do with it.
import { type AuthKey, dh, type PrivateAuthKey, PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import {
  type BrokerMessage,
  type CommandOf,
  decryptMsgBody,
  decryptNmsgMeta,
  type MessageOf,
} from '@smpkit/smp-commands'
import { brief, type TestClient } from './test-client.js'

export interface TestNotifier {
  readonly id: Uint8Array
  readonly key: PrivateAuthKey
  readonly secret: Uint8Array
}

export interface TestQueue {
  readonly recipientId: Uint8Array
  readonly senderId: Uint8Array
  readonly key: PrivateAuthKey
  readonly secret: Uint8Array
  readonly ids: MessageOf<'IDS'>
  readonly notifier: TestNotifier | null
}

/** A public key for commands. */
export const publicAuthKey = (key: PrivateAuthKey): AuthKey => key.publicKey as AuthKey

export interface NewQueueOptions extends Partial<Pick<CommandOf<'NEW'>, 'basicAuth' | 'subMode' | 'queueReq'>> {
  key?: PrivateAuthKey
  notifier?: boolean
  corrId?: Uint8Array
}

export function newCommand(
  options: NewQueueOptions,
  keys: { auth: AuthKey; dh: PublicKey<'x25519'>; ntf: CommandOf<'NEW'>['ntfCreds'] },
): CommandOf<'NEW'> {
  return {
    tag: 'NEW',
    authKey: keys.auth,
    dhKey: keys.dh,
    basicAuth: options.basicAuth ?? null,
    subMode: options.subMode ?? 'create',
    queueReq: options.queueReq === undefined ? { mode: 'messaging', link: null } : options.queueReq,
    ntfCreds: keys.ntf,
  }
}

/** Asks for a queue and gives back whatever the server answers. */
export async function requestQueue(client: TestClient, options: NewQueueOptions = {}) {
  const key = options.key ?? PrivateKey.generate('ed25519')
  const dhKey = PrivateKey.generate('x25519')
  const ntfKey = PrivateKey.generate('ed25519')
  const ntfDhKey = PrivateKey.generate('x25519')
  const ntf = options.notifier ? { authKey: ntfKey.publicKey, dhKey: ntfDhKey.publicKey } : null
  const command = newCommand(options, { auth: publicAuthKey(key), dh: dhKey.publicKey, ntf })
  const answer = await client.request(command, { key, corrId: options.corrId ?? randomBytes(24) })
  return { answer, key, dhKey, ntfKey, ntfDhKey }
}

export async function createQueue(client: TestClient, options: NewQueueOptions = {}): Promise<TestQueue> {
  const { answer, key, dhKey, ntfKey, ntfDhKey } = await requestQueue(client, options)
  if (answer.tag !== 'IDS') throw new Error(`expected IDS, got ${brief(answer)}`)
  const { recipientId, senderId, serverDhKey, ntfCreds } = answer
  return {
    recipientId,
    senderId,
    key,
    secret: dh(dhKey, serverDhKey),
    ids: answer,
    notifier: ntfCreds && {
      id: ntfCreds.notifierId,
      key: ntfKey,
      secret: dh(ntfDhKey, ntfCreds.serverDhKey),
    },
  }
}

/** Credentials of the recipient. */
export const asRecipient = ({ recipientId, key }: TestQueue) => ({ entityId: recipientId, key })
/** Credentials of the sender. */
export const asSender = ({ senderId }: TestQueue, key: PrivateAuthKey | null = null) => ({ entityId: senderId, key })
/** Credentials of the notifier. */
export const asNotifier = ({ notifier }: TestQueue) => {
  if (!notifier) throw new Error('expected a queue with a notifier')
  return { entityId: notifier.id, key: notifier.key }
}

export const sendCommand = (text: string, notification = true): CommandOf<'SEND'> => ({
  tag: 'SEND',
  notification,
  body: new TextEncoder().encode(text),
})

/** The text of a message, `QUOTA` for the marker. */
export function textOf({ secret }: TestQueue, message: BrokerMessage | undefined): string {
  if (message?.tag !== 'MSG') throw new Error(`expected MSG, got ${message && brief(message)}`)
  const body = decryptMsgBody(secret, message.msgId, message.encBody)
  return body.quota ? 'QUOTA' : new TextDecoder().decode(body.body)
}

export function metaOf({ notifier }: TestQueue, message: BrokerMessage) {
  if (message.tag !== 'NMSG' || !notifier) throw new Error(`expected NMSG, got ${brief(message)}`)
  return decryptNmsgMeta(notifier.secret, message.nonce, message.encMeta)
}

export function msgIdOf(message: BrokerMessage | undefined): Uint8Array {
  if (message?.tag !== 'MSG') throw new Error(`expected MSG, got ${message && brief(message)}`)
  return message.msgId
}
