import { PrivateKey } from '@smpkit/crypto'
import { decryptMsgBody } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import type { BrokerOptions } from '../options.js'
import { notificationTick, testBroker } from '../testing/test-broker.js'
import { brief } from '../testing/test-client.js'
import {
  asNotifier,
  asRecipient,
  asSender,
  createQueue,
  msgIdOf,
  publicAuthKey,
  sendCommand,
  textOf,
} from '../testing/test-queue.js'

async function setUp(options: BrokerOptions = {}) {
  const test = testBroker(options)
  const recipient = test.connect()
  const sender = test.connect()
  const queue = await createQueue(recipient, { subMode: 'subscribe', notifier: true })
  const send = async (text: string) => brief(await sender.request(sendCommand(text), asSender(queue)))
  const ack = (msgId: Uint8Array) => recipient.request({ tag: 'ACK', msgId }, asRecipient(queue))
  return { ...test, recipient, sender, queue, send, ack }
}

describe('SEND', () => {
  it('pushes a message to the subscriber when the queue was empty, one at a time', async () => {
    const { recipient, queue, send, ack } = await setUp()
    expect(await send('one')).toBe('OK')
    expect(await send('two')).toBe('OK')
    const [event, ...others] = await recipient.settledEvents()
    expect(others).toEqual([])
    expect(textOf(queue, event?.message)).toBe('one')
    expect(textOf(queue, await ack(msgIdOf(event?.message)))).toBe('two')
  })

  it('does not push while another message waits for its acknowledgement', async () => {
    const { recipient, queue, send, ack, connect } = await setUp()
    await send('one')
    const { message } = await recipient.event()
    const other = connect()
    const got = await other.request({ tag: 'GET' }, asRecipient(queue))
    await other.request({ tag: 'ACK', msgId: msgIdOf(got) }, asRecipient(queue))
    await send('two')
    expect(await recipient.settledEvents()).toEqual([])
    expect(textOf(queue, await ack(msgIdOf(message)))).toBe('two')
  })

  it.each([
    [16048, 'OK'],
    [16049, 'ERR LARGE_MSG'],
  ])('of %i bytes is answered %s', async (length, answer) => {
    const { send } = await setUp()
    expect(await send('x'.repeat(length))).toBe(answer)
  })

  it('looks at the length before the state of the queue, and at the authorization before both', async () => {
    const { recipient, sender, queue, send } = await setUp()
    await recipient.request({ tag: 'OFF' }, asRecipient(queue))
    expect(await send('x'.repeat(16049))).toBe('ERR LARGE_MSG')
    expect(await send('x')).toBe('ERR AUTH')
    const key = PrivateKey.generate('ed25519')
    expect(brief(await sender.request(sendCommand('x'.repeat(16049)), asSender(queue, key)))).toBe('ERR AUTH')
  })

  it('carries its flag to the recipient', async () => {
    const { recipient, sender, queue, ack } = await setUp()
    for (const notification of [true, false]) {
      await sender.request(sendCommand('x', notification), asSender(queue))
      const { message } = await recipient.event()
      if (message.tag !== 'MSG') throw new Error(`expected MSG, got ${brief(message)}`)
      expect(message.encBody).toHaveLength(16122)
      expect(decryptMsgBody(queue.secret, message.msgId, message.encBody)).toMatchObject({ notification })
      await ack(message.msgId)
    }
  })

  it('to an unsecured queue must not be authorized, to a secured one it must', async () => {
    const { recipient, sender, queue } = await setUp()
    const key = PrivateKey.generate('ed25519')
    const send = async (k: typeof key | null) => brief(await sender.request(sendCommand('x'), asSender(queue, k)))
    expect(await send(key)).toBe('ERR AUTH')
    expect(await send(null)).toBe('OK')
    await recipient.request({ tag: 'KEY', senderKey: publicAuthKey(key) }, asRecipient(queue))
    expect(await send(null)).toBe('ERR AUTH')
    expect(await send(PrivateKey.generate('ed25519'))).toBe('ERR AUTH')
    expect(await send(key)).toBe('OK')
  })

  it('to an unknown queue is refused, authorized or not', async () => {
    const { sender } = await setUp()
    const entityId = new Uint8Array(24)
    expect(brief(await sender.request(sendCommand('x'), { entityId }))).toBe('ERR AUTH')
    const key = PrivateKey.generate('ed448')
    expect(brief(await sender.request(sendCommand('x'), { entityId, key }))).toBe('ERR AUTH')
  })

  it('carries the time at which the server received it, in whole seconds', async () => {
    const { recipient, queue, send, clock } = await setUp()
    clock.advance(1999)
    await send('one')
    await recipient.event()
    const answer = await recipient.request({ tag: 'QUE' }, asRecipient(queue))
    expect(answer).toMatchObject({ info: { qiMsg: { msgTs: '2026-01-01T00:00:01Z' } } })
  })
})

describe('a full queue', () => {
  it('answers QUOTA until everything is acknowledged, the marker included', async () => {
    const { recipient, queue, send, ack } = await setUp({ quota: 2 })
    expect(await send('one')).toBe('OK')
    expect(await send('two')).toBe('OK')
    expect(await send('three')).toBe('ERR QUOTA')
    expect(await send('four')).toBe('ERR QUOTA')
    const { message: one } = await recipient.event()
    const two = await ack(msgIdOf(one))
    expect(await send('five')).toBe('ERR QUOTA')
    const marker = await ack(msgIdOf(two))
    expect(textOf(queue, marker)).toBe('QUOTA')
    expect(await send('six')).toBe('ERR QUOTA')
    expect(await ack(msgIdOf(marker))).toEqual({ tag: 'OK' })
    expect(await send('seven')).toBe('OK')
    expect(textOf(queue, (await recipient.event()).message)).toBe('seven')
  })

  it('holds 128 messages unless told otherwise', async () => {
    const { sender, queue, broker } = await setUp()
    const requests = Array.from({ length: 130 }, (_, i) => ({ command: sendCommand(`${i}`), ...asSender(queue) }))
    const answers = (await sender.requestAll(requests)).map(brief)
    // Executed from the last to the first.
    expect(answers).toEqual([...Array(2).fill('ERR QUOTA'), ...Array(128).fill('OK')])
    expect(broker.statistics().messages).toBe(129)
  })

  it('makes no notification of what it refused', async () => {
    const { connect, queue, send, clock } = await setUp({ quota: 1 })
    const notifier = connect()
    await notifier.request({ tag: 'NSUB' }, asNotifier(queue))
    await send('one')
    await send('two')
    clock.advance(notificationTick)
    expect((await notifier.settledEvents()).map((e) => brief(e.message))).toEqual(['NMSG'])
  })
})

describe('expiry', () => {
  const ttl = 10_000

  it('removes old messages at its interval, up to a quota marker', async () => {
    const { broker, send, clock } = await setUp({ messageTtl: ttl, expirationInterval: 7_200_000, quota: 2 })
    for (const text of ['one', 'two', 'three']) await send(text)
    expect(broker.statistics().messages).toBe(3)
    clock.advance(7_200_000)
    expect(broker.statistics().messages).toBe(1)
    expect(await send('four')).toBe('ERR QUOTA')
  })

  it('makes room when something is sent, if so configured', async () => {
    for (const expireMessagesOnSend of [true, false]) {
      const { broker, send, clock } = await setUp({ messageTtl: ttl, expireMessagesOnSend })
      await send('one')
      clock.advance(ttl)
      await send('two')
      expect(broker.statistics().messages).toBe(2)
      clock.advance(1000)
      await send('three')
      expect(broker.statistics().messages).toBe(expireMessagesOnSend ? 2 : 3)
    }
  })
})

describe('SKEY', () => {
  it('secures a messaging queue once', async () => {
    const { sender, queue } = await setUp()
    const key = PrivateKey.generate('ed25519')
    const skey = async (k: typeof key) =>
      brief(await sender.request({ tag: 'SKEY', senderKey: publicAuthKey(k) }, asSender(queue, k)))
    expect(await skey(key)).toBe('OK')
    expect(await skey(key)).toBe('OK')
    expect(await skey(PrivateKey.generate('ed25519'))).toBe('ERR AUTH')
    expect(brief(await sender.request(sendCommand('x'), asSender(queue, key)))).toBe('OK')
  })

  it('must be authorized by the key inside', async () => {
    const { sender, queue } = await setUp()
    const senderKey = publicAuthKey(PrivateKey.generate('ed25519'))
    const answer = await sender.request({ tag: 'SKEY', senderKey }, asSender(queue, PrivateKey.generate('ed25519')))
    expect(brief(answer)).toBe('ERR AUTH')
  })

  it.each(['contact', null] as const)('is refused in a queue of mode %s', async (mode) => {
    const { connect } = testBroker()
    const client = connect()
    const queue = await createQueue(client, { queueReq: mode && { mode, link: null } })
    const key = PrivateKey.generate('ed25519')
    const answer = await client.request({ tag: 'SKEY', senderKey: publicAuthKey(key) }, asSender(queue, key))
    expect(brief(answer)).toBe('ERR AUTH')
  })
})
