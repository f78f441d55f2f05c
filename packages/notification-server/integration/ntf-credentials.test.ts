// Spec 20 §7, §10, §11, 24 §1 P5, P9: commands that cannot be read, without their credentials, or of what is not there.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { NtfCommand, NtfCommandTag } from '@smpkit/ntf-protocol'
import { describe, expect, test } from 'vitest'
import { NtfDevice } from './support/ntf-device.js'
import { atNtfServer } from './support/ntf-target.js'
import { type NtfWire, wordsOfAnswer } from './support/ntf-wire.js'

const latin = (text: string): number[] => [...Buffer.from(text, 'latin1')]
const none = new Uint8Array(0)

atNtfServer((target) => {
  /** A token that nothing is pushed to: its commands are all that counts. */
  const registered = (wire: NtfWire) => new NtfDevice(target, { wire, provider: 'AN' }).register()

  describe('credentials', () => {
    const notifierKey = PrivateKey.generate('ed25519')

    function commandsOf(device: NtfDevice): Readonly<Record<Exclude<NtfCommandTag, 'PING'>, NtfCommand>> {
      const server = {
        hosts: [{ type: 'domain', text: 'smp.example.com' }],
        port: '',
        keyHash: new Uint8Array(32),
      } as const
      return {
        TNEW: device.tnew,
        TVFY: { tag: 'TVFY', code: new Uint8Array(32) },
        TCHK: { tag: 'TCHK' },
        TRPL: { tag: 'TRPL', provider: device.provider, token: Buffer.from(device.token) },
        TDEL: { tag: 'TDEL' },
        TCRN: { tag: 'TCRN', minutes: 20 },
        SNEW: { tag: 'SNEW', tokenId: randomBytes(24), server, notifierId: randomBytes(24), notifierKey },
        SCHK: { tag: 'SCHK' },
        SDEL: { tag: 'SDEL' },
      }
    }

    test.each(['TNEW', 'SNEW'] as const)('P5: %s needs an authorization, and no entity', async (tag) => {
      const wire = await target.connect()
      const device = new NtfDevice(target, { provider: 'AN' })
      const command = commandsOf(device)[tag]
      const entityId = randomBytes(24)
      expect(await wire.words({ command, key: null })).toBe('ERR CMD NO_AUTH')
      expect(await wire.words({ command, key: null, entityId })).toBe('ERR CMD NO_AUTH')
      expect(await wire.words({ command, key: device.authKey, entityId })).toBe('ERR CMD HAS_AUTH')
    })

    test.each(['TVFY', 'TCHK', 'TRPL', 'TDEL', 'TCRN', 'SCHK', 'SDEL'] as const)(
      'P5: %s needs an authorization and an entity',
      async (tag) => {
        const wire = await target.connect()
        const device = await registered(wire)
        const command = commandsOf(device)[tag]
        expect(await wire.words({ command, key: null, entityId: device.tokenId })).toBe('ERR CMD NO_AUTH')
        expect(await wire.words({ command, key: device.authKey })).toBe('ERR CMD NO_AUTH')
        expect(await wire.words({ command, key: null })).toBe('ERR CMD NO_AUTH')
        // Nothing of it was done.
        expect(await device.status()).toMatch(/^TKN (REGISTERED|CONFIRMED)$/)
      },
    )

    test.each<[string, string]>([
      ['', 'ERR CMD UNKNOWN'],
      [' ', 'ERR CMD UNKNOWN'],
      ['ping', 'ERR CMD UNKNOWN'],
      ['TNEWT', 'ERR CMD UNKNOWN'],
      ['SUB', 'ERR CMD UNKNOWN'],
      ['NSUB', 'ERR CMD UNKNOWN'],
      ['PING x', 'ERR CMD SYNTAX'],
      ['TVFY', 'ERR CMD SYNTAX'],
      ['TVFY \x20', 'ERR CMD SYNTAX'],
      ['TVFY \x01ab', 'ERR CMD SYNTAX'],
      ['TCHK x', 'ERR CMD SYNTAX'],
      ['TRPL', 'ERR CMD SYNTAX'],
      ['TRPL AX\x04abcd', 'ERR CMD SYNTAX'],
      ['TRPL AP\x05abcd', 'ERR CMD SYNTAX'],
      ['TDEL x', 'ERR CMD SYNTAX'],
      ['TCRN', 'ERR CMD SYNTAX'],
      ['TCRN \x14', 'ERR CMD SYNTAX'],
      ['TCRN \x00\x14\x00', 'ERR CMD SYNTAX'],
      ['TNEW', 'ERR CMD SYNTAX'],
      ['TNEW S', 'ERR CMD SYNTAX'],
      ['SNEW', 'ERR CMD SYNTAX'],
      ['SNEW S\x00', 'ERR CMD SYNTAX'],
      ['SCHK x', 'ERR CMD SYNTAX'],
      ['SDEL x', 'ERR CMD SYNTAX'],
    ])('P5: %j is %s, before credentials are looked at', async (text, expected) => {
      const wire = await target.connect()
      const { authKey: key } = new NtfDevice(target)
      const command = Uint8Array.from(latin(text))
      const entityId = randomBytes(24)
      for (const asked of [{ command }, { command, entityId }, { command, key }, { command, key, entityId }]) {
        const answer = await wire.askRaw(asked)
        expect(wordsOfAnswer(answer)).toBe(expected)
        expect(toHex(answer.entityId)).toBe(toHex(asked.entityId ?? none))
      }
    })

    test('P5: parameters with something behind them are CMD SYNTAX', async () => {
      const wire = await target.connect()
      const device = await registered(wire)
      for (const command of Object.values(commandsOf(device))) {
        const creates = command.tag === 'TNEW' || command.tag === 'SNEW'
        const entityId = creates ? none : device.tokenId
        const good = wire.transmission({ command, key: null, entityId, corrId: none })
        const bytes = good.subarray(1 + 1 + 1 + entityId.length)
        const longer = new Uint8Array([...bytes, ...(bytes.length === 4 ? latin(' x') : [0])])
        expect([
          command.tag,
          wordsOfAnswer(await wire.askRaw({ command: longer, entityId, key: device.authKey })),
        ]).toEqual([command.tag, 'ERR CMD SYNTAX'])
      }
    })

    test('P5: keys of other kinds than the protocol has are CMD SYNTAX', async () => {
      const wire = await target.connect()
      const device = new NtfDevice(target, { provider: 'AN' })
      const tnew = wire.transmission({ command: device.tnew, key: null, corrId: none }).subarray(3)
      const dhKey = PrivateKey.generate('x448').publicKey.toDer()
      const at = tnew.length - 45
      const command = new Uint8Array([...tnew.subarray(0, at), dhKey.length, ...dhKey])
      expect(wordsOfAnswer(await wire.askRaw({ command, key: device.authKey }))).toBe('ERR CMD SYNTAX')
      const noKey = new Uint8Array([...tnew.subarray(0, at), 0])
      expect(wordsOfAnswer(await wire.askRaw({ command: noKey, key: device.authKey }))).toBe('ERR CMD SYNTAX')
    })
  })

  describe('P9: what is not there is refused as what is not allowed', () => {
    test.each(['ed25519', 'ed448', 'x25519'] as const)('P9: with a key of %s', async (algorithm) => {
      const wire = await target.connect()
      const device = await new NtfDevice(target, { wire }).activate()
      const id = await device.subscribe(await target.newQueue())
      const { authKey } = new NtfDevice(target, { algorithm })
      const queue = await target.newQueue()
      const commands: NtfCommand[] = [
        { tag: 'TVFY', code: await device.code() },
        { tag: 'TCHK' },
        { tag: 'TRPL', provider: 'AN', token: Buffer.from('other') },
        { tag: 'TDEL' },
        { tag: 'TCRN', minutes: 20 },
      ]
      const unknown = randomBytes(24)
      for (const command of commands) {
        expect(await device.words(command, unknown)).toBe('ERR AUTH')
        expect(await device.words(command, unknown, authKey)).toBe('ERR AUTH')
        expect(await device.words(command, device.tokenId, authKey)).toBe('ERR AUTH')
        // A subscription is no token.
        expect(await device.words(command, id)).toBe('ERR AUTH')
      }
      for (const command of [{ tag: 'SCHK' }, { tag: 'SDEL' }] as const) {
        expect(await device.words(command, unknown)).toBe('ERR AUTH')
        expect(await device.words(command, unknown, authKey)).toBe('ERR AUTH')
        expect(await device.words(command, id, authKey)).toBe('ERR AUTH')
        expect(await device.words(command, device.tokenId)).toBe('ERR AUTH')
      }
      expect(await device.words(device.snew(queue, unknown), none)).toBe('ERR AUTH')
      expect(await device.words(device.snew(queue), none, authKey)).toBe('ERR AUTH')
      // A token is created with the key that signs.
      const other = new NtfDevice(target, { wire, algorithm })
      expect(await other.words(other.tnew, none, new NtfDevice(target, { algorithm }).authKey)).toBe('ERR AUTH')
      expect(await device.status()).toBe('TKN ACTIVE')
      expect(await device.subscription(id)).toMatch(/^SUB /)
    })

    test.each([1, 23, 25, 200])('P9: with an id of %i bytes', async (length) => {
      const device = await registered(await target.connect())
      expect(await device.words({ tag: 'TCHK' }, randomBytes(length))).toBe('ERR AUTH')
      expect(await device.words({ tag: 'SCHK' }, randomBytes(length))).toBe('ERR AUTH')
      expect(await device.words({ tag: 'TDEL' }, randomBytes(length))).toBe('ERR AUTH')
    })
  })
})
