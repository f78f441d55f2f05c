import { PrivateKey, randomBytes } from '@smpkit/crypto'
import type { Command } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { testBroker } from '../testing/test-broker.js'
import { brief } from '../testing/test-client.js'
import { asRecipient, asSender, createQueue, publicAuthKey, sendCommand } from '../testing/test-queue.js'

const empty = new Uint8Array(0)

async function setUp() {
  const test = testBroker()
  const client = test.connect()
  return { ...test, client, queue: await createQueue(client) }
}

describe('a blocked queue', () => {
  const info = { reason: 'spam', notice: { ttl: 3600 } } as const

  const commands: Command[] = [
    { tag: 'SUB' },
    { tag: 'GET' },
    { tag: 'ACK', msgId: empty },
    { tag: 'QUE' },
    { tag: 'KEY', senderKey: publicAuthKey(PrivateKey.generate('ed25519')) },
    { tag: 'RKEY', keys: [publicAuthKey(PrivateKey.generate('ed25519'))] },
    { tag: 'LSET', linkId: new Uint8Array(24), fixedData: empty, userData: empty },
    { tag: 'LDEL' },
    { tag: 'NDEL' },
    {
      tag: 'NKEY',
      authKey: publicAuthKey(PrivateKey.generate('ed25519')),
      dhKey: PrivateKey.generate('x25519').publicKey,
    },
  ]

  it.each(commands)('refuses $tag', async (command) => {
    const { client, queue, broker } = await setUp()
    expect(broker.block(queue.recipientId, info)).toBe(true)
    const answer = await client.request(command, asRecipient(queue))
    expect(answer).toEqual({ tag: 'ERR', error: { code: 'BLOCKED', ...info } })
  })

  it('refuses SEND, but looks at the length first', async () => {
    const { client, queue, broker } = await setUp()
    broker.block(queue.recipientId, info)
    expect(brief(await client.request(sendCommand('x'), asSender(queue)))).toBe('ERR BLOCKED')
    expect(brief(await client.request(sendCommand('x'.repeat(16049)), asSender(queue)))).toBe('ERR LARGE_MSG')
  })

  it('refuses SKEY, LKEY and LGET', async () => {
    const { client, queue, broker } = await setUp()
    const contact = await createQueue(client, { queueReq: { mode: 'contact', link: null } })
    const key = PrivateKey.generate('ed25519')
    const senderKey = publicAuthKey(key)
    const linkIds = [randomBytes(24), randomBytes(24)] as const
    for (const [i, q] of [queue, contact].entries()) {
      const lset = { tag: 'LSET', linkId: linkIds[i] as Uint8Array, fixedData: empty, userData: empty } as const
      await client.request(lset, asRecipient(q))
      broker.block(q.recipientId, info)
    }
    const answers = [
      await client.request({ tag: 'SKEY', senderKey }, asSender(queue, key)),
      await client.request({ tag: 'LKEY', senderKey }, { entityId: linkIds[0], key }),
      await client.request({ tag: 'LGET' }, { entityId: linkIds[1] }),
    ]
    expect(answers.map(brief)).toEqual(Array(3).fill('ERR BLOCKED'))
  })

  it('can be deleted, and turned off, which unblocks its reading', async () => {
    const { client, queue, broker } = await setUp()
    broker.block(queue.recipientId, info)
    expect(await client.request({ tag: 'OFF' }, asRecipient(queue))).toEqual({ tag: 'OK' })
    expect(brief(await client.request({ tag: 'SUB' }, asRecipient(queue)))).toBe('SOK')
    broker.block(queue.recipientId, info)
    expect(await client.request({ tag: 'DEL' }, asRecipient(queue))).toEqual({ tag: 'OK' })
  })

  it('is announced without a notice below version 18', async () => {
    const { broker, connect } = testBroker()
    const client = connect(17)
    const queue = await createQueue(client)
    broker.block(queue.recipientId, info)
    const error = { code: 'BLOCKED', reason: 'spam', notice: null }
    expect(await client.request({ tag: 'SUB' }, asRecipient(queue))).toEqual({ tag: 'ERR', error })
  })

  it('must exist to be blocked', () => {
    expect(testBroker().broker.block(new Uint8Array(24), info)).toBe(false)
  })
})
