// Queues with notifiers of one recipient, and what is sent to them, over one connection.
import { dh, type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { toBase64url, toHex } from '@smpkit/encoding'
import { openSession, type SmpClientSession } from '@smpkit/smp-client'
import { decryptNmsgMeta } from '@smpkit/smp-commands'
import { type ServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'

export interface Queue {
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
  /** The notifier id in hex. */
  readonly key: string
  /** What `s.post /ntf/subscriptions` takes, without the token. */
  readonly subscription: { readonly server: string; readonly notifierId: string; readonly notifierKey: string }
  /** Settles when the SMP server has it. */
  send(text?: string): Promise<void>
  /** Fetches and acknowledges everything: the ids of the messages in hex, oldest first. */
  drain(): Promise<string[]>
  /** The message's id in hex, of an item of a push. */
  messageId(item: { readonly nonce: Uint8Array; readonly encMeta: Uint8Array }): string
}

export interface Recipient extends AsyncDisposable {
  newQueue(): Promise<Queue>
}

/** Connects again when the server comes back: what is asked for meanwhile waits, and may be done twice. */
export async function openRecipient(address: ServerAddress): Promise<Recipient> {
  let session = openSession(address)
  await session
  let isClosed = false

  async function request<T>(work: (session: SmpClientSession) => Promise<T>): Promise<T> {
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

  async function newQueue(): Promise<Queue> {
    const [recipientKey, notifierKey] = [PrivateKey.generate('ed25519'), PrivateKey.generate('ed25519')]
    const [queueKey, ntfKey] = [PrivateKey.generate('x25519'), PrivateKey.generate('x25519')]
    const keys = { authKey: recipientKey.publicKey, dhKey: queueKey.publicKey }
    const queueReq = { mode: 'messaging', link: null } as const
    const command = { tag: 'NEW', ...keys, basicAuth: null, subMode: 'create', queueReq, ntfCreds: null } as const
    const ids = await request((to) => to.request({ command, key: recipientKey }))
    const [recipientId, senderId] = [ids.recipientId.slice(), ids.senderId.slice()]
    const asRecipient = { entityId: recipientId, key: recipientKey }
    const nkey = { tag: 'NKEY', authKey: notifierKey.publicKey, dhKey: ntfKey.publicKey } as const
    const nid = await request((to) => to.request({ command: nkey, ...asRecipient }))
    const notifierId = nid.notifierId.slice()
    const secret = dh(ntfKey, nid.serverDhKey)
    return {
      notifierId,
      notifierKey,
      key: toHex(notifierId),
      subscription: {
        server: serverAddressToText(address),
        notifierId: toBase64url(notifierId),
        notifierKey: toBase64url(notifierKey.toDer()),
      },
      async send(text = 'hello') {
        const send = { tag: 'SEND', notification: true, body: new TextEncoder().encode(text) } as const
        await request((to) => to.request({ command: send, entityId: senderId }))
      },
      async drain() {
        const ids: string[] = []
        for (;;) {
          const answer = await request((to) => to.request({ command: { tag: 'GET' }, ...asRecipient }))
          if (answer.tag !== 'MSG') return ids
          const msgId = answer.msgId.slice()
          ids.push(toHex(msgId))
          await request((to) => to.request({ command: { tag: 'ACK', msgId }, ...asRecipient }))
        }
      },
      messageId: ({ nonce, encMeta }) => toHex(decryptNmsgMeta(secret, nonce, encMeta).msgId),
    }
  }

  return {
    newQueue,
    async [Symbol.asyncDispose]() {
      isClosed = true
      const one = await session.catch(() => undefined)
      await one?.close()
    },
  }
}

const later = () => new Promise((resolve) => setTimeout(resolve, 20))
