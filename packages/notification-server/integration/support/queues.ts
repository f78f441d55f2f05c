// Queues with notifiers of one recipient, and what is sent to them, over one connection.
import { type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { toBase64url, toHex } from '@smpkit/encoding'
import {
  acknowledge,
  addNotifier,
  deleteQueue,
  getMessage,
  type Notifier,
  newQueue,
  openSession,
  type Requester,
  removeNotifier,
  type SmpClientSession,
  type Queue as SmpQueue,
  sendMessage,
  subscribe,
} from '@smpkit/smp-client'
import { decryptNmsgMeta } from '@smpkit/smp-commands'
import { type ServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'

/** What a recipient sees of a message, and its notification tells of it; the time in seconds. */
export interface MessageMeta {
  readonly id: string
  readonly ts: number
}

/** The metadata of an item of a push. */
export interface EncryptedMeta {
  readonly nonce: Uint8Array
  readonly encMeta: Uint8Array
}

export interface Queue {
  readonly address: ServerAddress
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
  /** The notifier id in hex. */
  readonly key: string
  /** What `s.post /ntf/subscriptions` takes, without the token. */
  readonly subscription: { readonly server: string; readonly notifierId: string; readonly notifierKey: string }
  /** Settles when the SMP server has it. */
  send(text?: string, options?: { readonly notification?: boolean }): Promise<void>
  /** Fetches and acknowledges everything, oldest first. */
  receive(): Promise<MessageMeta[]>
  /** The same: the ids of the messages in hex. */
  drain(): Promise<string[]>
  /** Of an item of a push. */
  metaOf(item: EncryptedMeta): MessageMeta
  /** The message's id in hex, of an item of a push. */
  messageId(item: EncryptedMeta): string
  /** The same queue with another notifier in place of this one. */
  renewNotifier(): Promise<Queue>
  removeNotifier(): Promise<void>
  /** Subscribes to its messages. */
  subscribe(): Promise<void>
  remove(): Promise<void>
}

export interface NewQueueOptions {
  /** The command that makes the notifier. Default NKEY. */
  readonly notifierBy?: 'NEW' | 'NKEY'
}

export interface Recipient extends AsyncDisposable {
  newQueue(options?: NewQueueOptions): Promise<Queue>
}

/** Connects again when the server comes back: what is asked for meanwhile waits, and may be done twice. */
export async function openRecipient(
  address: ServerAddress & { readonly password?: string | null },
): Promise<Recipient> {
  let session = openSession(address)
  await session
  let isClosed = false

  async function retried<T>(work: (session: SmpClientSession) => Promise<T>): Promise<T> {
    for (;;) {
      const used = session
      try {
        return await work(await used)
      } catch (error) {
        if (isClosed || (error as { temporary?: unknown }).temporary !== true) throw error
        if (session === used) session = later().then(() => openSession(address))
      }
    }
  }

  const requester: Requester = { request: (request, options) => retried((to) => to.request(request, options)) }
  const password = address.password ?? null

  async function newOne({ notifierBy = 'NKEY' }: NewQueueOptions = {}): Promise<Queue> {
    const notifierKey = PrivateKey.generate('ed25519')
    const inNew = notifierBy === 'NEW'
    const made = await newQueue(requester, { subMode: 'create', password, ...(inNew && { notifierKey }) })
    // Views would keep whole blocks.
    const queue = { ...made, recipientId: made.recipientId.slice(), senderId: made.senderId.slice() }
    const notifier = inNew ? queue.notifier : await addNotifier(requester, queue, { notifierKey })
    if (!notifier) throw new Error('expected a notifier')
    return withNotifier(queue, notifier)
  }

  function withNotifier(queue: SmpQueue, { notifierKey, secret, ...made }: Notifier): Queue {
    const notifierId = made.notifierId.slice()
    const metaOf = ({ nonce, encMeta }: EncryptedMeta): MessageMeta => {
      const { msgId, ts } = decryptNmsgMeta(secret, nonce, encMeta)
      return { id: toHex(msgId), ts }
    }
    async function receive(): Promise<MessageMeta[]> {
      const received: MessageMeta[] = []
      for (;;) {
        const message = await getMessage(requester, queue)
        if (!message) return received
        received.push({ id: toHex(message.id), ts: message.open().ts })
        await acknowledge(requester, queue, message.id)
      }
    }
    return {
      address,
      notifierId,
      notifierKey,
      key: toHex(notifierId),
      subscription: {
        server: serverAddressToText({ hosts: address.hosts, port: address.port, keyHash: address.keyHash }),
        notifierId: toBase64url(notifierId),
        notifierKey: toBase64url(notifierKey.toDer()),
      },
      send: (text = 'hello', { notification = true } = {}) =>
        sendMessage(requester, { ...queue, senderKey: null }, new TextEncoder().encode(text), { notification }),
      receive,
      drain: async () => (await receive()).map(({ id }) => id),
      metaOf,
      messageId: (item) => metaOf(item).id,
      renewNotifier: async () => withNotifier(queue, await addNotifier(requester, queue)),
      removeNotifier: () => removeNotifier(requester, queue),
      subscribe: async () => void (await subscribe(requester, queue)),
      remove: () => deleteQueue(requester, queue),
    }
  }

  return {
    newQueue: newOne,
    async [Symbol.asyncDispose]() {
      isClosed = true
      const one = await session.catch(() => undefined)
      await one?.close()
    },
  }
}

const later = () => new Promise((resolve) => setTimeout(resolve, 20))
