import { PrivateKey } from '@smpkit/crypto'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import { connectSmp } from '@smpkit/smp-transport'
import { describe, expect, it } from 'vitest'
import { ManualClock } from './clock.js'
import { startSmpServer } from './server.js'
import { TestClient } from './testing/test-client.js'
import {
  asNotifier,
  asRecipient,
  asSender,
  createQueue,
  metaOf,
  publicAuthKey,
  sendCommand,
  textOf,
} from './testing/test-queue.js'

describe('a server on a port', () => {
  it('carries a message from a sender to a recipient, and its notification', async () => {
    const clock = new ManualClock()
    await using server = await startSmpServer({ clock })
    const [recipient, sender, notifier] = (await Promise.all(
      [0, 1, 2].map(async () => new TestClient(await connectSmp(parseServerAddress(server.addressText)))),
    )) as [TestClient, TestClient, TestClient]
    const queue = await createQueue(recipient, { notifier: true, subMode: 'subscribe' })
    const senderKey = PrivateKey.generate('ed25519')
    expect(
      await sender.request({ tag: 'SKEY', senderKey: publicAuthKey(senderKey) }, asSender(queue, senderKey)),
    ).toEqual({ tag: 'OK' })
    expect(await notifier.request({ tag: 'NSUB' }, asNotifier(queue))).toEqual({ tag: 'SOK', serviceId: null })
    expect(await sender.request(sendCommand('hello'), asSender(queue, senderKey))).toEqual({ tag: 'OK' })
    const { message } = await recipient.event()
    expect(textOf(queue, message)).toBe('hello')
    clock.advance(1500)
    const notification = await notifier.event()
    expect(metaOf(queue, notification.message).msgId).toEqual(message.tag === 'MSG' && message.msgId)
    expect(
      await recipient.request(
        { tag: 'ACK', msgId: message.tag === 'MSG' ? message.msgId : new Uint8Array() },
        asRecipient(queue),
      ),
    ).toEqual({ tag: 'OK' })
  })
})
