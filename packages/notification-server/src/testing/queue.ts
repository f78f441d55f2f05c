// A recipient's queue with a notifier, over a real connection.
import { dh, PrivateKey } from '@smpkit/crypto'
import { openSession } from '@smpkit/smp-client'
import type { SmpServer } from '@smpkit/smp-server'
import { onTestFinished } from 'vitest'

/** A queue with a notifier, and what sends to it. */
export async function newQueue({ address }: Pick<SmpServer, 'address'>) {
  const [recipientKey, notifierKey] = [PrivateKey.generate('ed25519'), PrivateKey.generate('ed25519')]
  const [queueKey, ntfKey] = [PrivateKey.generate('x25519'), PrivateKey.generate('x25519')]
  const session = await openSession(address)
  onTestFinished(() => session.close())
  const queueReq = { mode: 'messaging', link: null } as const
  const keys = { authKey: recipientKey.publicKey, dhKey: queueKey.publicKey }
  const command = { tag: 'NEW', ...keys, basicAuth: null, subMode: 'create', queueReq, ntfCreds: null } as const
  const ids = await session.request({ command, key: recipientKey })
  const [recipientId, senderId] = [ids.recipientId.slice(), ids.senderId.slice()]
  const nkey = { tag: 'NKEY', authKey: notifierKey.publicKey, dhKey: ntfKey.publicKey } as const
  const nid = await session.request({ command: nkey, entityId: recipientId, key: recipientKey })
  const asRecipient = { entityId: recipientId, key: recipientKey }
  return {
    notifierId: nid.notifierId.slice(),
    notifierKey,
    senderId,
    secret: dh(ntfKey, nid.serverDhKey),
    send: (text: string) => {
      const send = { tag: 'SEND', notification: true, body: new TextEncoder().encode(text) } as const
      return session.request({ command: send, entityId: senderId })
    },
    get: () => session.request({ command: { tag: 'GET' }, ...asRecipient }),
    ack: (msgId: Uint8Array) => session.request({ command: { tag: 'ACK', msgId }, ...asRecipient }),
  }
}
