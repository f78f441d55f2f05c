import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { answerToRaw } from './testing/raw.js'
import { testBroker } from './testing/test-broker.js'
import { brief } from './testing/test-client.js'
import { createQueue } from './testing/test-queue.js'

const empty: Uint8Array = new Uint8Array(0)
const ping = { tag: 'PING' } as const

describe('bad input is answered', () => {
  it.each([
    ['no count', []],
    ['a count of 0', [0]],
    ['a count that lies', [2, 0, 1, 0]],
    ['a length that lies', [1, 0xff, 0xff, 0]],
    ['bytes left over', [1, 0, 1, 0, 0]],
    ['random bytes', [...randomBytes(1000)]],
  ])('%s: ERR BLOCK without ids, and the connection goes on', async (_, bytes) => {
    const client = testBroker().connect()
    await client.connection.send(Uint8Array.from(bytes))
    expect(await client.request(ping)).toEqual({ tag: 'PONG' })
    expect(client.blocks[0]).toEqual([
      { corrId: empty, entityId: empty, message: { tag: 'ERR', error: { code: 'BLOCK' } } },
    ])
  })

  it.each([
    ['an unknown command', 'WHAT', 'ERR CMD UNKNOWN'],
    ['a message of the broker', 'PONG', 'ERR CMD UNKNOWN'],
    ['trailing bytes', 'PING x', 'ERR CMD SYNTAX'],
    ['a trailing space', 'PING ', 'ERR CMD SYNTAX'],
    ['missing parameters', 'PRXY', 'ERR CMD SYNTAX'],
  ])('%s', async (_, command, expected) => {
    const corrId = randomBytes(24)
    const received = await answerToRaw(testBroker().connect(), { command, corrId })
    expect(brief(received.message)).toBe(expected)
    expect(received.corrId).toEqual(corrId)
  })

  it.each([
    ['NEW', empty, empty, 'ERR CMD SYNTAX'],
    ['SUB', empty, randomBytes(24), 'ERR CMD NO_AUTH'],
    ['SUB', empty, empty, 'ERR CMD NO_AUTH'],
    ['NSUB', new Uint8Array(64), empty, 'ERR CMD NO_AUTH'],
    ['ACK \0', empty, randomBytes(24), 'ERR CMD NO_AUTH'],
    ['SEND F x', new Uint8Array(64), empty, 'ERR CMD NO_ENTITY'],
    ['RFWD x', empty, randomBytes(24), 'ERR CMD HAS_AUTH'],
    ['RFWD x', new Uint8Array(64), empty, 'ERR CMD HAS_AUTH'],
    ['RSLV a.simplex', empty, randomBytes(24), 'ERR CMD HAS_AUTH'],
    ['SUB', new Uint8Array(64), empty, 'ERR CMD NO_AUTH'],
    ['SEND F x', empty, empty, 'ERR CMD NO_ENTITY'],
    ['LGET', empty, empty, 'ERR CMD NO_ENTITY'],
    ['LGET', new Uint8Array(64), randomBytes(24), 'ERR CMD HAS_AUTH'],
    ['PING', new Uint8Array(64), empty, 'ERR CMD HAS_AUTH'],
    ['PING', empty, randomBytes(24), 'ERR CMD HAS_AUTH'],
    ['RSLV a.simplex', new Uint8Array(64), empty, 'ERR CMD HAS_AUTH'],
  ] as const)('%s with the wrong credentials', async (command, auth, entityId, expected) => {
    const received = await answerToRaw(testBroker().connect(), { command, auth, entityId })
    expect(brief(received.message)).toBe(expected)
    expect(received.entityId).toEqual(entityId)
  })

  it.each([1, 63, 65, 79, 81, 113, 115, 255])(
    'an authorization of %i bytes: ERR BLOCK without entity',
    async (length) => {
      const corrId = randomBytes(24)
      const raw = { command: 'SUB', auth: new Uint8Array(length), entityId: randomBytes(24), corrId }
      const received = await answerToRaw(testBroker().connect(), raw)
      expect(received).toEqual({ corrId, entityId: empty, message: { tag: 'ERR', error: { code: 'BLOCK' } } })
    },
  )

  it.each(['ed25519', 'ed448', 'x25519'] as const)(
    'a wrong key of %s, and the right one of another queue',
    async (algorithm) => {
      const client = testBroker().connect()
      const keys = [PrivateKey.generate(algorithm), PrivateKey.generate(algorithm)] as const
      const queue = await createQueue(client, { key: keys[0] })
      await createQueue(client, { key: keys[1] })
      const sub = async (key: (typeof keys)[0]) =>
        brief(await client.request({ tag: 'SUB' }, { entityId: queue.recipientId, key }))
      expect(await sub(keys[1])).toBe('ERR AUTH')
      expect(await sub(PrivateKey.generate('ed25519'))).toBe('ERR AUTH')
      expect(await sub(keys[0])).toBe('SOK')
    },
  )

  it('a key of one party for a command of another', async () => {
    const client = testBroker().connect()
    const queue = await createQueue(client)
    expect(brief(await client.request({ tag: 'SUB' }, { entityId: queue.senderId, key: queue.key }))).toBe('ERR AUTH')
  })

  it('RSLV: there is no resolver', async () => {
    const client = testBroker().connect()
    const answer = await client.request({ tag: 'RSLV', name: 'alice.simplex' })
    expect(answer).toEqual({ tag: 'ERR', error: { code: 'NAME', inner: { code: 'NO_RESOLVER' } } })
  })
})
