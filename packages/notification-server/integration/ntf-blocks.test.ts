// Spec 20 §4, 24 §1 P5–P7: blocks and transmissions, and what is wrong with them.
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { NtfCommand } from '@smpkit/ntf-protocol'
import { describe, expect, onTestFinished, test } from 'vitest'
import { NtfDevice } from './support/ntf-device.js'
import { contentOf, NtfRaw } from './support/ntf-raw.js'
import { atNtfServer } from './support/ntf-target.js'
import { type Answer, type NtfWire, wordsOfAnswer } from './support/ntf-wire.js'

const latin = (text: string): number[] => [...Buffer.from(text, 'latin1')]
const none = new Uint8Array(0)

/** 20 §1: of the encoded transmissions with their lengths, behind the count. */
const batchLimit = 493

atNtfServer((target) => {
  const ids = ({ corrId, entityId }: Answer) => [corrId.length, entityId.length]

  /** It answers as if nothing had been. */
  async function expectAlive(wire: NtfWire): Promise<void> {
    expect(await wire.words({ command: { tag: 'PING' }, key: null })).toBe('PONG')
  }

  /** An active token that nothing is pushed to: its commands are all that counts. */
  const registered = (wire: NtfWire) => new NtfDevice(target, { wire, provider: 'AN' }).register()

  describe('a block with a wrong frame', () => {
    const ping = [0, 7, 0, 0, 0, ...latin('PING')]
    const frames: Readonly<Record<string, number[]>> = {
      'without a count': [],
      'with the count 0': [0],
      'with the count 0 and an item': [0, ...ping],
      'with fewer items than its count': [3, ...ping, ...ping],
      'with more items than its count': [1, ...ping, ...ping],
      'with something behind its items': [1, ...ping, 0],
      'with an item that is longer than the rest': [1, 0, 8, 0, 0, 0, ...latin('PING')],
      'with half of a length': [1, 0],
      'with the count 255 and as many items as fit': [255, ...Array(254).fill([0, 0]).flat()],
    }

    test.each(Object.keys(frames))('P6: %s is answered by one ERR BLOCK, and the session goes on', async (name) => {
      const wire = await target.connect()
      await wire.send(Uint8Array.from(frames[name] as number[]))
      await expectAlive(wire)
      expect(wire.answers.map(wordsOfAnswer)).toEqual(['ERR BLOCK', 'PONG'])
      expect(ids(wire.answers[0] as Answer)).toEqual([0, 0])
    })

    test.each([511, 512, 0xffff])('P6: whose content has %i bytes, as it says, is the same', async (length) => {
      const connection = await NtfRaw.connect(target.address, ['ntf/1'])
      onTestFinished(() => connection.destroy())
      await connection.hello()
      await connection.greet(3, target.address.keyHash)
      await connection.send(Uint8Array.of(1, ...ping), length)
      expect([...contentOf(await connection.block())]).toEqual([1, 0, 12, 0, 0, 0, ...latin('ERR BLOCK')])
      await connection.send(Uint8Array.of(1, ...ping))
      expect([...contentOf(await connection.block())]).toEqual([1, 0, 7, 0, 0, 0, ...latin('PONG')])
    })
  })

  describe('a bad item in a good batch', () => {
    const bad: Readonly<Record<string, number[]>> = {
      empty: [],
      'an authorization alone': [0],
      'an authorization that is longer than the rest': [64, 1, 2, 3],
      'half of a correlation id': [0, 24, 1, 2, 3],
      'no entity': [0, 1, 7],
    }

    test.each(Object.keys(bad))('P6: %s, is answered by its own ERR BLOCK without ids', async (name) => {
      const wire = await target.connect()
      const pings = [1, 2].map(() => wire.rawTransmission({ command: 'PING' }))
      await wire.sendTransmissions([
        pings[0] as Uint8Array,
        Uint8Array.from(bad[name] as number[]),
        pings[1] as Uint8Array,
      ])
      await wire.count(3)
      await expectAlive(wire)
      expect(wire.answers.map(wordsOfAnswer).sort()).toEqual(['ERR BLOCK', 'PONG', 'PONG', 'PONG'])
      const refused = wire.answers.find((answer) => wordsOfAnswer(answer) === 'ERR BLOCK')
      expect(refused && ids(refused)).toEqual([0, 0])
    })

    test.each([1, 63, 65, 79, 81, 113, 115, 200])(
      'P6: an authorization of %i bytes is ERR BLOCK with the correlation id',
      async (length) => {
        const wire = await target.connect()
        const device = await registered(wire)
        const corrId = new Uint8Array(24).fill(6)
        const authorization = new Uint8Array(length).fill(1)
        const answer = await wire.askRaw({ command: 'TCHK', entityId: device.tokenId, authorization, corrId })
        expect(wordsOfAnswer(answer)).toBe('ERR BLOCK')
        expect(ids(answer)).toEqual([24, 0])
      },
    )

    test('P6: as many of them as a block holds are all answered', async () => {
      const wire = await target.connect()
      await wire.sendTransmissions(Array.from({ length: 254 }, () => none))
      await wire.count(254)
      expect(new Set(wire.answers.map(wordsOfAnswer))).toEqual(new Set(['ERR BLOCK']))
      await expectAlive(wire)
    })
  })

  describe('version 1', () => {
    test('P5: with the session id of another connection is ERR SESSION', async () => {
      const wire = await target.connect({ alpn: false })
      const corrId = new Uint8Array(24).fill(8)
      const transmission = wire.rawTransmission({ command: 'PING', corrId })
      transmission[5] = (transmission[5] as number) ^ 1
      const answering = wire.answerTo(corrId)
      await wire.send(transmission)
      const answer = await answering
      expect([wordsOfAnswer(answer), ...ids(answer)]).toEqual(['ERR SESSION', 24, 0])
      await expectAlive(wire)
    })

    test.each([[[]], [[0]], [[0, 32, 1]], [[64, 1, 2]]])('P6: %j is ERR BLOCK', async (content) => {
      const wire = await target.connect({ alpn: false })
      await wire.send(Uint8Array.from(content))
      const [answer] = await wire.count(1)
      expect([wordsOfAnswer(answer as Answer), ...ids(answer as Answer)]).toEqual(['ERR BLOCK', 0, 0])
      await expectAlive(wire)
    })
  })

  describe('correlation ids', () => {
    test.each([0, 1, 23, 25, 255])('P6: one of %i bytes comes back, of good commands and bad ones', async (length) => {
      const wire = await target.connect()
      const device = await registered(wire)
      const key = device.authKey
      const entityId = device.tokenId
      const corrId = () => randomBytes(length)
      const words = async (asked: Parameters<NtfWire['askRaw']>[0]) => {
        const answer = await wire.askRaw({ ...asked, corrId: corrId() })
        return `${answer.entityId.length} ${wordsOfAnswer(answer)}`
      }
      expect(await words({ command: 'PING' })).toBe('0 PONG')
      expect(await words({ command: 'TCHK', entityId, key })).toMatch(/^24 TKN /)
      expect(await words({ command: 'TDEL', entityId })).toBe('24 ERR CMD NO_AUTH')
      expect(await words({ command: 'WHAT', entityId, key })).toBe('24 ERR CMD UNKNOWN')
    })

    test('P6: two commands with the same one are both answered', async () => {
      const wire = await target.connect()
      const corrId = new Uint8Array(24).fill(1)
      await wire.sendTransmissions([1, 2].map(() => wire.rawTransmission({ command: 'PING', corrId })))
      expect((await wire.count(2)).map(wordsOfAnswer)).toEqual(['PONG', 'PONG'])
    })

    test('P6: an answer that no block holds is none, and the session goes on', async () => {
      const wire = await target.connect()
      const command = 'TCHK'
      await wire.sendTransmissions([
        wire.rawTransmission({ command, entityId: new Uint8Array(220), corrId: new Uint8Array(255) }),
      ])
      await expectAlive(wire)
    })
  })

  describe('many at once', () => {
    test('P6: 150 SNEW and 150 SCHK in one go, in blocks that keep to the limit', async () => {
      const wire = await target.connect()
      const device = await new NtfDevice(target, { wire }).activate()
      const queues = await target.newQueues(150)
      const key = device.authKey
      const made = await wire.askAll(queues.map((queue) => ({ command: device.snew(queue), key })))
      const subscriptions = made.map((answer) => {
        if (answer.tag !== 'IDSUB') throw new Error(`expected IDSUB, got ${answer.tag}`)
        return answer.subscriptionId
      })
      expect(new Set(subscriptions.map(toHex)).size).toBe(150)
      const checked = await wire.askAll(
        subscriptions.map((entityId) => ({ command: { tag: 'SCHK' } as const, entityId, key })),
      )
      expect(new Set(checked.map(({ tag }) => tag))).toEqual(new Set(['SUB']))
      // Again, and mixed.
      const again = await wire.askAll(
        queues.flatMap((queue, i) => [
          { command: device.snew(queue), key },
          { command: { tag: 'SCHK' } as const, entityId: subscriptions[i] as Uint8Array, key },
        ]),
      )
      expect(again.flatMap((one) => (one.tag === 'IDSUB' ? [toHex(one.subscriptionId)] : []))).toEqual(
        subscriptions.map(toHex),
      )
      for (const block of wire.blocks) expect(block.length).toBeLessThanOrEqual(1 + batchLimit)
      for (const block of wire.blocks) expect(block[0]).toBeGreaterThan(0)
    })

    test('P6: answers of a block share blocks', async () => {
      const wire = await target.connect()
      const command = { tag: 'PING' } as const
      const asked = Array.from({ length: 14 }, () => wire.transmission({ command, key: null }))
      await wire.sendTransmissions(asked)
      await wire.count(14)
      // 33 bytes each.
      expect(wire.blocks.map((block) => block[0])).toEqual([14])
    })

    test('P6: 1000 blocks are sent before an answer is read, and the good ones are answered in their order', async () => {
      const wire = await target.connect()
      const device = await registered(wire)
      const corrIds = Array.from({ length: 1000 }, () => randomBytes(24))
      const entityId = device.tokenId
      const sent = corrIds.map((corrId, i) =>
        wire.transmission(
          i % 3 === 0
            ? { command: { tag: 'PING' }, key: null, corrId }
            : {
                command: { tag: i % 3 === 1 ? 'TCHK' : 'TDEL' },
                entityId: i % 3 === 1 ? entityId : none,
                key: null,
                corrId,
              },
        ),
      )
      for (const one of sent) await wire.sendTransmissions([one])
      await wire.count(1001)
      const answers = wire.answers.slice(1)
      const byId = new Map(answers.map((answer) => [toHex(answer.corrId), wordsOfAnswer(answer)]))
      expect(corrIds.map((corrId) => byId.get(toHex(corrId)))).toEqual(
        corrIds.map((_, i) => (i % 3 === 0 ? 'PONG' : 'ERR CMD NO_AUTH')),
      )
      const good = answers.filter((answer) => wordsOfAnswer(answer) === 'PONG').map(({ corrId }) => toHex(corrId))
      expect(good).toEqual(corrIds.filter((_, i) => i % 3 === 0).map(toHex))
    })

    test('P6: commands of a batch are carried out in their order', async (context) => {
      target.onlyOurs(context, 'the reference looks up the tokens of a block before it begins')
      const wire = await target.connect()
      const device = await new NtfDevice(target, { wire }).activate()
      const { authKey: key, tokenId: entityId } = device
      const queue = await target.newQueue()
      const commands: NtfCommand[] = [{ tag: 'TCRN', minutes: 20 }, { tag: 'TDEL' }, { tag: 'TCHK' }]
      const answers = await wire.askAll(commands.map((command) => ({ command, entityId, key })))
      expect(answers.map(({ tag }) => tag)).toEqual(['OK', 'OK', 'ERR'])
      expect(await device.words(device.snew(queue), none)).toBe('ERR AUTH')
    })
  })

  test('P7: PING is answered by PONG without credentials, and refused with any', async () => {
    const wire = await target.connect()
    const { authKey: key } = new NtfDevice(target)
    expect(await wire.words({ command: { tag: 'PING' }, key: null })).toBe('PONG')
    expect(await wire.words({ command: { tag: 'PING' }, key })).toBe('ERR CMD HAS_AUTH')
    expect(await wire.words({ command: { tag: 'PING' }, key: null, entityId: randomBytes(24) })).toBe(
      'ERR CMD HAS_AUTH',
    )
    expect(await wire.words({ command: { tag: 'PING' }, key, entityId: randomBytes(24) })).toBe('ERR CMD HAS_AUTH')
  })
})
