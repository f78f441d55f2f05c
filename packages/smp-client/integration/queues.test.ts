import { type AuthKey, PrivateKey, randomBytes } from '@smpkit/crypto'
import { maxMessageLength } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import {
  acknowledge,
  deleteQueue,
  getMessage,
  newCorrId,
  queueInformation,
  type SmpClientSession,
  secureAsSender,
  secureQueue,
  sendMessage,
  subscribe,
  turnOff,
} from '../src/index.js'
import { bytes, newKey, tagged, text, useTarget } from './target.js'

const target = useTarget()
const code = (code: string) => expect.objectContaining({ name: 'SmpReplyError', code })
const prohibited = expect.objectContaining({ reply: { code: 'CMD', inner: { code: 'PROHIBITED' } } })

describe.each(['ed25519', 'ed448', 'x25519'] as const)('a queue with %s keys', (algorithm) => {
  it('is created, secured by its sender, and carries messages one at a time', async () => {
    const [recipient, sender] = [await target.open(), await target.open()]
    const queue = await target.newQueue(recipient, { recipientKey: PrivateKey.generate(algorithm) })
    expect([queue.recipientId.length, queue.senderId.length]).toEqual([24, 24])
    const senderKey = PrivateKey.generate(algorithm)
    await secureAsSender(sender, queue.senderId, senderKey)
    for (const body of ['one', 'two', 'three']) await sendMessage(sender, { ...queue, senderKey }, bytes(body))
    const received: string[] = []
    for await (const message of recipient.messages(queue)) {
      const content = message.open()
      if (!content.quota) received.push(text(content.body))
      await message.ack()
      if (received.length === 3) break
    }
    expect(received).toEqual(['one', 'two', 'three'])
  })

  it('is secured by its recipient, and closed to all others then', async () => {
    const [recipient, sender] = [await target.open(), await target.open()]
    const queue = await target.newQueue(recipient, { queueMode: 'contact' })
    const senderKey = PrivateKey.generate(algorithm)
    await secureQueue(recipient, queue, senderKey.publicKey as AuthKey)
    await sendMessage(sender, { ...queue, senderKey }, bytes('mine'))
    await expect(sendMessage(sender, { ...queue, senderKey: null }, bytes('x'))).rejects.toEqual(code('AUTH'))
    const other = PrivateKey.generate(algorithm)
    await expect(sendMessage(sender, { ...queue, senderKey: other }, bytes('x'))).rejects.toEqual(code('AUTH'))
    await expect(secureQueue(recipient, queue, other.publicKey as AuthKey)).rejects.toEqual(code('AUTH'))
  })
})

const sendTo = (sender: SmpClientSession, queue: { senderId: Uint8Array }, body: Uint8Array) =>
  sendMessage(sender, { ...queue, senderKey: null }, body)

describe('messages', () => {
  it('wait for SUB, are delivered again until they are acknowledged, and then not any more', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session, { subMode: 'create' })
    await sendTo(session, queue, bytes('waiting'))
    await subscribe(session, queue)
    const first = await target.event(session, tagged('MSG', queue.recipientId))
    await subscribe(session, queue)
    const again = await target.event(session, tagged('MSG', queue.recipientId))
    expect(again.message).toEqual(first.message)
    if (first.message.tag === 'MSG') await acknowledge(session, queue, first.message.msgId)
    await subscribe(session, queue)
    expect((await queueInformation(session, queue)).qiSize).toBe(0)
  })

  it('can be fetched with GET, and not with SUB in the same session', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session, { subMode: 'create' })
    expect(await getMessage(session, queue)).toBeNull()
    await sendTo(session, queue, bytes('fetched'))
    const message = await getMessage(session, queue)
    expect((await getMessage(session, queue))?.id).toEqual(message?.id)
    await message?.ack()
    expect(await getMessage(session, queue)).toBeNull()
    await expect(subscribe(session, queue)).rejects.toEqual(prohibited)
    const other = await target.newQueue(session)
    await expect(getMessage(session, other)).rejects.toEqual(prohibited)
  })

  it('have 0 to 16048 bytes', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session)
    const messages = session.messages(queue)
    for (const length of [0, 1, maxMessageLength]) {
      await sendTo(session, queue, new Uint8Array(length).fill(7))
      const { value } = await messages.next()
      const content = value?.open()
      expect(content?.quota === false && content.body.length).toBe(length)
      await value?.ack()
    }
    await expect(sendTo(session, queue, new Uint8Array(maxMessageLength + 1))).rejects.toEqual(code('LARGE_MSG'))
  })

  it('beyond 128 are refused with QUOTA until the recipient has received all, the marker included', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session)
    const sender = await target.open()
    for (let i = 0; i < 128; i++) await sendTo(sender, queue, bytes(String(i)))
    await expect(sendTo(sender, queue, bytes('full'))).rejects.toEqual(code('QUOTA'))
    await expect(sendTo(sender, queue, bytes('still full'))).rejects.toEqual(code('QUOTA'))
    let received = 0
    for await (const message of session.messages(queue)) {
      const { quota } = message.open()
      if (quota) await expect(sendTo(sender, queue, bytes('not yet'))).rejects.toEqual(code('QUOTA'))
      await message.ack()
      if (quota) break
      received++
    }
    expect(received).toBe(128)
    await sendTo(sender, queue, bytes('room again'))
  })

  it('are not acknowledged by another id, nor without a delivery', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session)
    await expect(acknowledge(session, queue, randomBytes(24))).rejects.toEqual(code('NO_MSG'))
    await sendTo(session, queue, bytes('x'))
    const { value } = await session.messages(queue).next()
    await expect(acknowledge(session, queue, randomBytes(24))).rejects.toEqual(code('NO_MSG'))
    await value?.ack()
  })
})

describe('a subscription', () => {
  it('goes to who subscribes last: the other gets END', async () => {
    const [first, second] = [await target.open(), await target.open()]
    const queue = await target.newQueue(first)
    await subscribe(second, queue)
    await target.event(first, tagged('END', queue.recipientId))
    await sendTo(first, queue, bytes('for the second'))
    const { value } = await second.messages(queue).next()
    await expect(acknowledge(first, queue, value?.id as Uint8Array)).rejects.toEqual(code('NO_MSG'))
    await value?.ack()
  })

  it('of a queue that another session deletes ends with DELD', async () => {
    const [first, second] = [await target.open(), await target.open()]
    const queue = await target.newQueue(first)
    await deleteQueue(second, queue)
    await target.event(first, tagged('DELD', queue.recipientId))
  })

  it('of many queues takes few blocks, and all are answered', async () => {
    const session = await target.open()
    const requests = Array.from({ length: 300 }, () => ({
      recipientKey: newKey(),
      dhKey: PrivateKey.generate('x25519'),
    }))
    const made = await session.requestAll(
      requests.map(({ recipientKey, dhKey }) => ({
        command: {
          tag: 'NEW' as const,
          authKey: recipientKey.publicKey,
          dhKey: dhKey.publicKey,
          basicAuth: target.password,
          subMode: 'create' as const,
          queueReq: { mode: 'messaging' as const, link: null },
          ntfCreds: null,
        },
        key: recipientKey,
      })),
    )
    const outcomes = await session.requestAll(
      made.map(({ message }, i) => ({
        command: { tag: 'SUB' as const },
        entityId: message?.recipientId as Uint8Array,
        key: requests[i]?.recipientKey as PrivateKey<'ed25519'>,
      })),
    )
    expect(outcomes.filter(({ message }) => message)).toHaveLength(300)
  })
})

describe('a queue', () => {
  it('tells its state', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session, { subMode: 'create' })
    expect(await queueInformation(session, queue)).toMatchObject({ qiSnd: false, qiNtf: false, qiSize: 0 })
    const senderKey = newKey()
    await secureAsSender(session, queue.senderId, senderKey)
    await sendMessage(session, { ...queue, senderKey }, bytes('x'))
    const state = await queueInformation(session, queue)
    expect(state).toMatchObject({ qiSnd: true, qiSize: 1 })
  })

  it('that is off takes no messages but gives those that it has', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session, { subMode: 'create' })
    await sendTo(session, queue, bytes('before'))
    await turnOff(session, queue)
    await turnOff(session, queue)
    await expect(sendTo(session, queue, bytes('after'))).rejects.toEqual(code('AUTH'))
    await subscribe(session, queue)
    await target.event(session, tagged('MSG', queue.recipientId))
  })

  it('that is deleted is gone', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session)
    await deleteQueue(session, queue)
    for (const use of [subscribe, deleteQueue, turnOff, queueInformation]) {
      await expect(use(session, queue)).rejects.toEqual(code('AUTH'))
    }
    await expect(sendTo(session, queue, bytes('x'))).rejects.toEqual(code('AUTH'))
  })

  it('is secured once: the same key again is in order, another is not', async () => {
    const session = await target.open()
    const queue = await target.newQueue(session)
    const senderKey = newKey()
    await secureAsSender(session, queue.senderId, senderKey)
    await secureAsSender(session, queue.senderId, senderKey)
    await expect(secureAsSender(session, queue.senderId, newKey())).rejects.toEqual(code('AUTH'))
    const contact = await target.newQueue(session, { queueMode: 'contact' })
    await expect(secureAsSender(session, contact.senderId, newKey())).rejects.toEqual(code('AUTH'))
  })

  it('obeys only its own key', async () => {
    const session = await target.open()
    const [queue, other] = [await target.newQueue(session), await target.newQueue(session)]
    const impostors = [other.recipientKey, PrivateKey.generate('ed448'), PrivateKey.generate('x25519')]
    for (const recipientKey of impostors) {
      await expect(deleteQueue(session, { ...queue, recipientKey })).rejects.toEqual(code('AUTH'))
    }
    await expect(deleteQueue(session, { ...queue, recipientId: randomBytes(24) })).rejects.toEqual(code('AUTH'))
    await expect(deleteQueue(session, { ...queue, recipientId: queue.senderId })).rejects.toEqual(code('AUTH'))
    await deleteQueue(session, queue)
  })

  it('is made only by who knows the password', async (context) => {
    target.needs(context, 'password')
    const session = await target.open()
    for (const password of [null, 'wrong']) {
      await expect(target.newQueue(session, { password })).rejects.toEqual(code('AUTH'))
    }
    await target.newQueue(session)
  })

  it('is made anew by each NEW', async () => {
    const session = await target.open()
    const recipientKey = newKey()
    const [a, b] = [await target.newQueue(session, { recipientKey }), await target.newQueue(session, { recipientKey })]
    expect(a.recipientId).not.toEqual(b.recipientId)
    expect((await target.newQueue(session, { corrId: newCorrId() })).senderId).toHaveLength(24)
  })

  it('loses its messages when they expire', async (context) => {
    target.needs(context, 'clock')
    const session = await target.open()
    const queue = await target.newQueue(session, { subMode: 'create' })
    await sendTo(session, queue, bytes('old'))
    target.tick(22 * 24 * 3_600_000)
    // The server ends connections that were silent for so long.
    const later = await target.open()
    expect(await getMessage(later, queue)).toBeNull()
  })
})
