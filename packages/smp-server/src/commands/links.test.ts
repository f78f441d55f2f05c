import { PrivateKey, randomBytes, senderIdOf } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { testBroker } from '../testing/test-broker.js'
import { brief, type TestClient } from '../testing/test-client.js'
import {
  asRecipient,
  asSender,
  createQueue,
  publicAuthKey,
  sendCommand,
  type TestQueue,
} from '../testing/test-queue.js'

const data = (text: string) => new TextEncoder().encode(text)
const fixedData = data('fixed')
const userData = data('user')

const linkId = () => randomBytes(24)
const lset = async (client: TestClient, queue: TestQueue, id: Uint8Array, fixed = fixedData, user = userData) =>
  brief(await client.request({ tag: 'LSET', linkId: id, fixedData: fixed, userData: user }, asRecipient(queue)))
const lget = (client: TestClient, entityId: Uint8Array) => client.request({ tag: 'LGET' }, { entityId })
const lkey = (client: TestClient, entityId: Uint8Array, key = PrivateKey.generate('ed25519')) =>
  client.request({ tag: 'LKEY', senderKey: publicAuthKey(key) }, { entityId, key })

async function setUp(mode: 'messaging' | 'contact' | null) {
  const test = testBroker()
  const client = test.connect()
  const queue = await createQueue(client, { queueReq: mode && { mode, link: null } })
  return { ...test, client, queue }
}

/** An invitation: a messaging queue that is created with its link. */
async function invitation(client: TestClient) {
  const corrId = randomBytes(24)
  const link = { senderId: senderIdOf(corrId), fixedData, userData }
  const queue = await createQueue(client, { corrId, queueReq: { mode: 'messaging', link } })
  return { queue, id: queue.ids.linkId as Uint8Array }
}

describe('LSET', () => {
  it.each(['messaging', 'contact', null] as const)('gives link data to a queue of mode %s', async (mode) => {
    const { client, queue } = await setUp(mode)
    const id = linkId()
    expect(await lset(client, queue, id)).toBe('OK')
    const answer = mode === 'messaging' ? await lkey(client, id) : await lget(client, id)
    expect(answer).toEqual({ tag: 'LNK', senderId: queue.senderId, fixedData, userData })
  })

  it('changes the user data, not the fixed data or the id', async () => {
    const { client, queue } = await setUp('contact')
    const id = linkId()
    await lset(client, queue, id)
    expect(await lset(client, queue, id, fixedData, data('new'))).toBe('OK')
    expect(await lset(client, queue, id, data('other'))).toBe('ERR AUTH')
    expect(await lset(client, queue, linkId())).toBe('ERR AUTH')
    expect(await lget(client, id)).toMatchObject({ fixedData, userData: data('new') })
  })

  it('is refused for a link id of another queue', async () => {
    const { client, queue } = await setUp('contact')
    const other = await createQueue(client)
    const id = linkId()
    await lset(client, other, id)
    expect(await lset(client, queue, id)).toBe('ERR AUTH')
  })

  it('is refused in a secured messaging queue', async () => {
    for (const mode of ['messaging', null, 'contact'] as const) {
      const { client, queue } = await setUp(mode)
      await client.request({ tag: 'KEY', senderKey: publicAuthKey(PrivateKey.generate('ed25519')) }, asRecipient(queue))
      expect(await lset(client, queue, linkId())).toBe(mode === 'contact' ? 'OK' : 'ERR AUTH')
    }
  })
})

describe('LDEL', () => {
  it('removes the link data, if there is any', async () => {
    const { client, queue } = await setUp('contact')
    const id = linkId()
    await lset(client, queue, id)
    for (let i = 0; i < 2; i++) expect(await client.request({ tag: 'LDEL' }, asRecipient(queue))).toEqual({ tag: 'OK' })
    expect(brief(await lget(client, id))).toBe('ERR AUTH')
    expect(await lset(client, queue, linkId(), data('other'))).toBe('OK')
  })
})

describe('LGET', () => {
  it('is refused for messaging queues, unknown links and blocked queues', async () => {
    const { client, broker } = await setUp(null)
    const { id, queue } = await invitation(client)
    expect(brief(await lget(client, id))).toBe('ERR AUTH')
    expect(brief(await lget(client, linkId()))).toBe('ERR AUTH')
    broker.block(queue.recipientId, { reason: 'content', notice: null })
    expect(brief(await lget(client, id))).toBe('ERR BLOCKED')
  })

  it('is refused for a queue without mode that has been secured', async () => {
    const { client, queue } = await setUp(null)
    const id = linkId()
    await lset(client, queue, id)
    expect(brief(await lget(client, id))).toBe('LNK')
    await client.request({ tag: 'KEY', senderKey: publicAuthKey(PrivateKey.generate('ed25519')) }, asRecipient(queue))
    expect(brief(await lget(client, id))).toBe('ERR AUTH')
  })
})

describe('LKEY', () => {
  it('secures the queue and gives the link data, to one sender', async () => {
    const { client } = await setUp(null)
    const { id, queue } = await invitation(client)
    const key = PrivateKey.generate('ed25519')
    const link = { tag: 'LNK', senderId: queue.senderId, fixedData, userData }
    expect(await lkey(client, id, key)).toEqual(link)
    expect(await lkey(client, id, key)).toEqual(link)
    expect(brief(await lkey(client, id))).toBe('ERR AUTH')
    expect(brief(await client.request(sendCommand('x'), asSender(queue, key)))).toBe('OK')
  })

  it.each(['contact', null] as const)('is refused in a queue of mode %s', async (mode) => {
    const { client, queue } = await setUp(mode)
    const id = linkId()
    await lset(client, queue, id)
    expect(brief(await lkey(client, id))).toBe('ERR AUTH')
  })
})

describe('the first SEND', () => {
  it('deletes the link of a secured messaging queue', async () => {
    const { client } = await setUp(null)
    const { id, queue } = await invitation(client)
    const key = PrivateKey.generate('ed25519')
    await client.request(sendCommand('x'), asSender(queue))
    expect(brief(await lkey(client, id, key))).toBe('LNK')
    await client.request(sendCommand('x'), asSender(queue, key))
    expect(brief(await lkey(client, id, key))).toBe('ERR AUTH')
  })

  it('deletes the link of a queue without mode, once it is secured', async () => {
    const { client, queue } = await setUp(null)
    const id = linkId()
    await lset(client, queue, id)
    await client.request(sendCommand('x'), asSender(queue))
    expect(brief(await lget(client, id))).toBe('LNK')
    const key = PrivateKey.generate('ed25519')
    await client.request({ tag: 'KEY', senderKey: publicAuthKey(key) }, asRecipient(queue))
    await client.request(sendCommand('x'), asSender(queue, key))
    // The id is free again.
    expect(await lset(client, await createQueue(client), id)).toBe('OK')
  })

  it('that is refused leaves the link', async () => {
    const { client } = await setUp(null)
    const { id, queue } = await invitation(client)
    const key = PrivateKey.generate('ed25519')
    await lkey(client, id, key)
    await client.request(sendCommand('x'), asSender(queue))
    await client.request(sendCommand('x'.repeat(16049)), asSender(queue, key))
    expect(brief(await lkey(client, id, key))).toBe('LNK')
  })

  it('leaves the link of a contact queue', async () => {
    const { client, queue } = await setUp('contact')
    const id = linkId()
    await lset(client, queue, id)
    await client.request(sendCommand('x'), asSender(queue))
    expect(brief(await lget(client, id))).toBe('LNK')
  })
})
