import { PrivateKey, PublicKey, randomBytes, senderIdOf } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import type { BrokerOptions } from '../options.js'
import { newCertificate, testBroker } from '../testing/test-broker.js'
import { brief } from '../testing/test-client.js'
import {
  asRecipient,
  asSender,
  createQueue,
  newCommand,
  publicAuthKey,
  requestQueue,
  sendCommand,
  textOf,
} from '../testing/test-queue.js'

const fixedData = new Uint8Array([1, 2, 3])
const userData = new Uint8Array([4, 5, 6])

async function answerTo(options: BrokerOptions, request: Parameters<typeof requestQueue>[1] = {}) {
  const { answer } = await requestQueue(testBroker(options).connect(), request)
  return answer
}

describe('NEW', () => {
  it('answers with ids of 24 bytes and no entity', async () => {
    const client = testBroker().connect()
    const { ids } = await createQueue(client, { notifier: true })
    expect(ids.recipientId).toHaveLength(24)
    expect(ids.senderId).toHaveLength(24)
    expect(ids.ntfCreds?.notifierId).toHaveLength(24)
    expect(ids).toMatchObject({ queueMode: 'messaging', linkId: null, serviceId: null })
    expect(client.blocks.at(-1)?.[0]?.entityId).toHaveLength(0)
  })

  it.each([
    [14, { mode: 'contact', link: null }],
    [14, { mode: 'messaging', link: null }],
    [15, null],
    [16, { mode: 'contact', link: null }],
    [20, null],
  ] as const)('works at version %i for the request %j', async (version, queueReq) => {
    const { connect } = testBroker()
    const client = connect(version)
    const queue = await createQueue(client, { queueReq, subMode: 'subscribe' })
    expect(queue.ids.queueMode).toBe(queueReq?.mode ?? null)
    await client.request(sendCommand('hello'), asSender(queue))
    expect(textOf(queue, (await client.event()).message)).toBe('hello')
  })

  it('subscribes only if asked to', async () => {
    const { connect } = testBroker()
    const client = connect()
    const queue = await createQueue(client, { subMode: 'create' })
    await client.request(sendCommand('hello'), asSender(queue))
    expect(await client.settledEvents()).toEqual([])
  })

  it.each([
    ['secret', 'secret', 'IDS'],
    ['secret', 'wrong', 'ERR AUTH'],
    ['secret', null, 'ERR AUTH'],
    [null, 'anything', 'IDS'],
  ])('on a server with the password %s and given %s is answered %s', async (password, basicAuth, expected) => {
    expect(brief(await answerTo({ password }, { basicAuth }))).toBe(expected)
  })

  it('is refused where queues may not be created', async () => {
    expect(brief(await answerTo({ allowNewQueues: false }))).toBe('ERR AUTH')
  })

  it('is refused beyond the limit of queues', async () => {
    expect(brief(await answerTo({ maxQueues: 0 }))).toBe('ERR STORE')
  })

  it('must be authorized by the key inside', async () => {
    const client = testBroker().connect()
    const keys = { auth: publicAuthKey(PrivateKey.generate('ed25519')), dh: PrivateKey.generate('x25519').publicKey }
    const answer = await client.request(newCommand({}, { ...keys, ntf: null }), { key: PrivateKey.generate('ed25519') })
    expect(brief(answer)).toBe('ERR AUTH')
  })

  it.each(['ed25519', 'ed448', 'x25519'] as const)('takes a recipient key of %s', async (algorithm) => {
    const client = testBroker().connect()
    const queue = await createQueue(client, { key: PrivateKey.generate(algorithm) })
    expect(brief(await client.request({ tag: 'SUB' }, asRecipient(queue)))).toBe('SOK')
  })

  it('refuses a key that gives no secret', async () => {
    const client = testBroker().connect()
    const key = PrivateKey.generate('ed25519')
    const lowOrder = PublicKey.fromRaw('x25519', new Uint8Array(32))
    const answer = await client.request(newCommand({}, { auth: publicAuthKey(key), dh: lowOrder, ntf: null }), { key })
    expect(brief(answer)).toBe('ERR CMD SYNTAX')
  })

  it('takes a sender id that is made from the correlation id, once', async () => {
    const client = testBroker().connect()
    const corrId = randomBytes(24)
    const queueReq = { mode: 'messaging', link: { senderId: senderIdOf(corrId), fixedData, userData } } as const
    const queue = await createQueue(client, { corrId, queueReq })
    expect(queue.senderId).toEqual(senderIdOf(corrId))
    expect(queue.ids.linkId).toHaveLength(24)
    expect(brief((await requestQueue(client, { corrId, queueReq })).answer)).toBe('ERR AUTH')
  })

  it('refuses another sender id', async () => {
    const queueReq = { mode: 'messaging', link: { senderId: randomBytes(24), fixedData, userData } } as const
    expect(brief(await answerTo({}, { queueReq }))).toBe('ERR CMD PROHIBITED')
  })

  it('repeated creates another queue', async () => {
    const client = testBroker().connect()
    const corrId = randomBytes(24)
    const key = PrivateKey.generate('ed25519')
    const [one, two] = [await createQueue(client, { corrId, key }), await createQueue(client, { corrId, key })]
    expect(one.recipientId).not.toEqual(two.recipientId)
    expect(one.senderId).not.toEqual(two.senderId)
  })

  it('tries three times to find ids that are not in use', async () => {
    const { broker, connect } = testBroker()
    let attempts = 0
    broker.store.add = () => {
      attempts++
      return false
    }
    expect(brief((await requestQueue(connect())).answer)).toBe('ERR INTERNAL')
    expect(attempts).toBe(3)
  })

  it('makes a notifier that exists at once, and tells nobody', async () => {
    const { connect, clock } = testBroker()
    const client = connect()
    const { notifier } = await createQueue(client, { notifier: true, subMode: 'subscribe' })
    const nsub = await connect().request(
      { tag: 'NSUB' },
      { entityId: notifier?.id as Uint8Array, key: notifier?.key ?? null },
    )
    expect(nsub).toEqual({ tag: 'SOK', serviceId: null })
    clock.advance(15_000)
    expect(await client.settledEvents()).toEqual([])
  })

  it.each(['messaging', 'contact'] as const)(
    'with a link of mode %s needs the sender id of its correlation id',
    async (mode) => {
      const link = { linkId: randomBytes(24), senderId: senderIdOf(randomBytes(24)), fixedData, userData }
      expect(brief(await answerTo({}, { queueReq: { mode, link } }))).toBe('ERR CMD PROHIBITED')
    },
  )

  it('takes the link id of a contact queue, once', async () => {
    const client = testBroker().connect()
    const linkId = randomBytes(24)
    const request = () => {
      const corrId = randomBytes(24)
      const link = { linkId, senderId: senderIdOf(corrId), fixedData, userData }
      return { corrId, queueReq: { mode: 'contact', link } as const }
    }
    const queue = await createQueue(client, request())
    expect(queue.ids.linkId).toEqual(linkId)
    expect(await client.request({ tag: 'LGET' }, { entityId: linkId })).toMatchObject({
      tag: 'LNK',
      fixedData,
      userData,
    })
    expect(brief((await requestQueue(client, request())).answer)).toBe('ERR AUTH')
  })

  it('in a session of a service gives the queue to it, and must subscribe', async () => {
    const { connect, broker } = testBroker()
    const certificate = newCertificate('messaging')
    const client = connect(20, certificate)
    const queue = await createQueue(client, { subMode: 'subscribe' })
    expect(queue.ids.serviceId).toEqual(broker.serviceId(certificate))
    expect(brief((await requestQueue(client, { subMode: 'create' })).answer)).toBe('ERR CMD PROHIBITED')
  })
})
