import { PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { answerToRaw, type RawTransmission } from './testing/raw.js'
import { newCertificate, testBroker } from './testing/test-broker.js'
import { brief, type TestClient } from './testing/test-client.js'
import { asRecipient, asSender, createQueue, publicAuthKey, sendCommand, textOf } from './testing/test-queue.js'

const empty = new Uint8Array(0)
const versions = [14, 15, 16, 17, 18, 19, 20]
const der = (key: PublicKey) => Uint8Array.of(key.toDer().length, ...key.toDer())
const signed = { auth: new Uint8Array(64), entityId: randomBytes(24) }
const answerTo = async (client: TestClient, raw: RawTransmission) => brief((await answerToRaw(client, raw)).message)

describe.each(versions)('at version %i', (version) => {
  const connect = () => testBroker().connect(version)

  it('parameters that are not of the protocol are CMD SYNTAX', async () => {
    const client = connect()
    const x448 = der(PrivateKey.generate('x448').publicKey)
    const ed25519 = der(PrivateKey.generate('ed25519').publicKey)
    const x25519 = der(PrivateKey.generate('x25519').publicKey)
    const refused: RawTransmission['command'][] = [
      ['KEY ', x448],
      ['SKEY ', x448],
      ['KEY ', ed25519, ' '],
      'KEY',
      ['NKEY ', ed25519, ed25519],
      ['RKEY ', Uint8Array.of(0)],
      ['RKEY ', Uint8Array.of(2), ed25519],
      ['NEW ', x448, x25519, '0S00'],
      ['NEW ', ed25519, x25519, '0X00'],
      ['NEW ', ed25519, x25519, '1', Uint8Array.of(3), 'a@b', 'S00'],
      ['ACK ', Uint8Array.of(24), 'short'],
      'ACK',
      'SEND',
      'SEND x',
      'SUB x',
      ['LSET ', Uint8Array.of(1), 'x', Uint8Array.of(0, 9)],
    ]
    for (const command of refused) expect(await answerTo(client, { ...signed, command })).toBe('ERR CMD SYNTAX')
  })

  it('tags that are no command are CMD UNKNOWN', async () => {
    const client = connect()
    for (const command of ['', ' ', 'SUB=', 'sub', 'MSG', 'OK', 'END', 'ALLS', 'SOKS', 'QUEUE']) {
      expect(await answerTo(client, { ...signed, command })).toBe('ERR CMD UNKNOWN')
    }
  })

  it('commands of later versions are known', async () => {
    const client = connect()
    const queue = await createQueue(client, { queueReq: { mode: 'contact', link: null } })
    const lset = { tag: 'LSET', linkId: randomBytes(24), fixedData: empty, userData: empty } as const
    expect(await client.request(lset, asRecipient(queue))).toEqual({ tag: 'OK' })
    const keys = [publicAuthKey(queue.key)]
    expect(await client.request({ tag: 'RKEY', keys }, asRecipient(queue))).toEqual({ tag: 'OK' })
    expect(brief(await client.request({ tag: 'LGET' }, { entityId: lset.linkId }))).toBe('LNK')
    expect(await answerTo(client, { command: 'RSLV alice.simplex' })).toBe('ERR NAME NO_RESOLVER')
    expect(await answerTo(client, { command: 'RSLV alice' })).toBe('ERR CMD SYNTAX')
    expect(await answerTo(client, { command: 'RSLV a.simplex and so on' })).toBe('ERR NAME NO_RESOLVER')
    const subs = version >= 19 ? ['SUBS ', new Uint8Array(8), Uint8Array.of(0)] : 'SUBS'
    expect(await answerTo(client, { ...signed, command: subs })).toBe('ERR SERVICE')
  })

  it('SUBS and NSUBS have count and hash from version 19 on, and only then', async () => {
    const client = connect()
    for (const tag of ['SUBS', 'NSUBS']) {
      const withFields = [`${tag} `, new Uint8Array(8), Uint8Array.of(16), new Uint8Array(16)]
      const [right, wrong] = version >= 19 ? [withFields, tag] : [tag, withFields]
      expect(await answerTo(client, { ...signed, command: wrong })).toBe('ERR CMD SYNTAX')
      expect(await answerTo(client, { ...signed, command: right })).toBe('ERR SERVICE')
    }
  })

  it('correlation ids of any length are echoed, and make the nonce of an authenticator', async () => {
    const client = connect()
    const queue = await createQueue(client, { key: PrivateKey.generate('x25519') })
    for (const length of [1, 23, 25, 255]) {
      const corrId = randomBytes(length)
      expect(await client.request({ tag: 'QUE' }, { ...asRecipient(queue), corrId })).toMatchObject({ tag: 'INFO' })
    }
    expect((await answerToRaw(client, { command: 'PING', corrId: empty })).message).toEqual({ tag: 'PONG' })
  })

  it('further flags of SEND are skipped, and a body may be empty', async () => {
    const client = connect()
    const queue = await createQueue(client)
    const { senderId } = queue
    expect(await answerTo(client, { entityId: senderId, command: 'SEND TXYZ abc' })).toBe('OK')
    expect(await answerTo(client, { entityId: senderId, command: 'SEND F ' })).toBe('OK')
    const first = await client.request({ tag: 'GET' }, asRecipient(queue))
    expect(textOf(queue, first)).toBe('abc')
  })

  it('each kind of key works for recipient, sender and notifier', async () => {
    const client = connect()
    for (const algorithm of ['ed25519', 'ed448', 'x25519'] as const) {
      const [key, senderKey, notifierKey] = [1, 2, 3].map(() => PrivateKey.generate(algorithm)) as [
        PrivateKey<typeof algorithm>,
        PrivateKey<typeof algorithm>,
        PrivateKey<typeof algorithm>,
      ]
      const queue = await createQueue(client, { key })
      const secure = { tag: 'SKEY', senderKey: publicAuthKey(senderKey) } as const
      expect(await client.request(secure, asSender(queue, senderKey))).toEqual({ tag: 'OK' })
      expect(await client.request(sendCommand('x'), asSender(queue, senderKey))).toEqual({ tag: 'OK' })
      const dhKey = PrivateKey.generate('x25519').publicKey
      const nkey = { tag: 'NKEY', authKey: publicAuthKey(notifierKey), dhKey } as const
      const nid = await client.request(nkey, asRecipient(queue))
      if (nid.tag !== 'NID') throw new Error(`expected NID, got ${brief(nid)}`)
      const nsub = await client.request({ tag: 'NSUB' }, { entityId: nid.notifierId, key: notifierKey })
      expect(nsub.tag).toBe(version >= 16 ? 'SOK' : 'OK')
    }
  })
})

describe('SUBS in a session of a service', () => {
  it.each([0, 1, 15, 17])('may have a hash of %i bytes', async (length) => {
    const { broker, connect } = testBroker()
    const certificate = newCertificate('messaging')
    const entityId = broker.serviceId(certificate) ?? empty
    const subs = { tag: 'SUBS', count: -1n, idsHash: new Uint8Array(length) } as const
    expect(await connect(20, certificate).request(subs, { entityId })).toMatchObject({ tag: 'SOKS', count: 0n })
  })
})
