// Spec 20 §1–§3, 24 §1 P1, P2, P4, R8: connections and versions.
import { authenticate, type PrivateKey, type PublicKey, parseCertificate, verifySignedKey } from '@smpkit/crypto'
import { createServerIdentity } from '@smpkit/smp-transport'
import { describe, expect, onTestFinished, test } from 'vitest'
import { EmbeddedSmp } from './support/embedded-smp.js'
import { NtfDevice } from './support/ntf-device.js'
import { contentOf, NtfRaw } from './support/ntf-raw.js'
import { atNtfServer } from './support/ntf-target.js'
import { NtfWire, type WireOptions } from './support/ntf-wire.js'
import { openRecipient } from './support/queues.js'

/** The key that the server signed for the session. */
function keyOfHello({ leaf }: NtfRaw, rest: Uint8Array): PublicKey<'x25519'> {
  const { publicKey } = parseCertificate(leaf)
  if (!publicKey) throw new Error('expected a key in the certificate')
  return verifySignedKey(publicKey, rest.subarray(2)) as PublicKey<'x25519'>
}

const latin = (text: string): number[] => [...Buffer.from(text, 'latin1')]

atNtfServer((target) => {
  async function raw(alpn?: readonly string[], address = target.address): Promise<NtfRaw> {
    const connection = await NtfRaw.connect(address, alpn)
    onTestFinished(() => connection.destroy())
    return connection
  }

  test('P1: blocks have 512 bytes with # behind their content, and the key of the hello is signed', async () => {
    const connection = await raw(['ntf/1'])
    const { min, max, sessionId, rest } = await connection.hello()
    expect([min, max]).toEqual([1, 3])
    expect(sessionId).toEqual(connection.sessionId)
    expect(rest.length).toBe(2 + new DataView(rest.buffer, rest.byteOffset).getUint16(0))
    expect(keyOfHello(connection, rest).algorithm).toBe('x25519')

    await connection.greet(3, target.address.keyHash)
    const corrId = Array.from({ length: 24 }, (_, i) => i)
    await connection.send(Uint8Array.of(1, 0, 31, 0, 24, ...corrId, 0, ...latin('PING')))
    const block = await connection.block()
    const expected = [0, 34, 1, 0, 31, 0, 24, ...corrId, 0, ...latin('PONG')]
    expect([...block]).toEqual([...expected, ...Array(512 - expected.length).fill(0x23)])
  })

  test('P1: IDTKN is laid out as in 20 §14', async () => {
    const wire = await target.connect()
    const device = new NtfDevice(target, { wire })
    const corrId = new Uint8Array(24).fill(9)
    const answer = await wire.ask({ command: device.tnew, key: device.authKey, corrId })
    if (answer.tag !== 'IDTKN') throw new Error(`expected IDTKN, got ${answer.tag}`)
    const der = [...Buffer.from('302a300506032b656e032100', 'hex'), ...answer.dhKey.toRaw()]
    const words = [...latin('IDTKN '), 24, ...answer.tokenId, 44, ...der]
    expect([...(wire.blocks[0] as Uint8Array)]).toEqual([1, 0, 0x67, 0, 24, ...corrId, 0, ...words])
  })

  test.for([
    ['ed25519', 161],
    ['ed448', 212],
  ] as const)('P1: with an identity of %s the hello has %i bytes', async ([algorithm, length], context) => {
    const own = await target.own(context, { identity: createServerIdentity({ algorithm }) })
    const connection = await raw(['ntf/1'], own.address)
    expect(contentOf(await connection.block())).toHaveLength(length)
    const device = await new NtfDevice(own).activate()
    expect(await device.status()).toBe('TKN ACTIVE')
  })

  describe('ALPN', () => {
    test('P2: without it there is version 1 alone, and no key', async () => {
      const connection = await raw()
      const { min, max, sessionId, rest } = await connection.hello()
      expect([min, max, rest.length]).toEqual([1, 1, 0])
      expect(sessionId).toEqual(connection.sessionId)
    })

    test.each([['ntf/1'], ['h2'], ['http/1.1']])('P2: with %s there are all versions', async (name) => {
      const connection = await raw([name])
      const { min, max, rest } = await connection.hello()
      expect([connection.alpn, min, max]).toEqual([name, 1, 3])
      expect(rest.length).toBeGreaterThan(100)
      await connection.greet(3, target.address.keyHash)
      await connection.send(Uint8Array.of(1, 0, 7, 0, 0, 0, ...latin('PING')))
      expect(contentOf(await connection.block())).toEqual(Uint8Array.of(1, 0, 7, 0, 0, 0, ...latin('PONG')))
    })

    test("P2: of several names the first of the client's that is known is taken", async () => {
      expect((await raw(['smp/1', 'h2', 'ntf/1'])).alpn).toBe('h2')
      expect((await raw(['smp/1', 'ntf/1', 'h2'])).alpn).toBe('ntf/1')
    })

    test('P2: with unknown names alone TLS ends with an alert', async () => {
      const connecting = NtfRaw.connect(target.address, ['smp/1', 'xftp/1'])
      await expect(connecting).rejects.toMatchObject({ code: expect.stringMatching(/ALERT_NO_APPLICATION_PROTOCOL/) })
    })
  })

  describe('the hello of a client', () => {
    /** It goes on serving others, of course. */
    async function expectEnd(greet: (connection: NtfRaw) => Promise<void>, alpn: readonly string[] = ['ntf/1']) {
      const connection = await raw(alpn)
      await connection.hello()
      await greet(connection)
      expect(await connection.ended()).toBe(true)
      const device = new NtfDevice(target, { provider: 'AN' })
      expect(await device.words(device.tnew)).toBe('IDTKN')
    }
    const fingerprint = () => target.address.keyHash

    test('P4: with another fingerprint ends the connection, and nothing is sent', () =>
      expectEnd((connection) =>
        connection.greet(
          3,
          fingerprint().map((byte) => byte ^ 1),
        ),
      ))

    test.each([0, 4, 5, 31])('P4: with a fingerprint of %i bytes ends it', (length) =>
      expectEnd((connection) => connection.greet(3, fingerprint().slice(0, length))),
    )

    test.each([0, 4, 0xffff])('P3: with version %i ends it', (version) =>
      expectEnd((connection) => connection.greet(version, fingerprint())),
    )

    test.each([2, 3])('P2: with version %i where 1 was offered ends it', (version) =>
      expectEnd((connection) => connection.greet(version, fingerprint()), []),
    )

    test('P1: that is none ends it', () => expectEnd((connection) => connection.send(new Uint8Array(0))))

    test('P1: may have more behind it', async () => {
      const connection = await raw(['ntf/1'])
      await connection.hello()
      await connection.greet(3, fingerprint(), new Uint8Array(400).fill(7))
      await connection.send(Uint8Array.of(1, 0, 7, 0, 0, 0, ...latin('PING')))
      expect(contentOf(await connection.block())).toEqual(Uint8Array.of(1, 0, 7, 0, 0, 0, ...latin('PONG')))
    })

    test('P4: a client that means another server ends it, too', async () => {
      const other = { ...target.address, keyHash: fingerprint().map((byte) => byte ^ 1) }
      await expect(NtfWire.open(other)).rejects.toMatchObject({ code: 'IDENTITY' })
    })
  })

  const versions: readonly [string, WireOptions, number][] = [
    ['without ALPN', { alpn: false }, 1],
    ['version 1', { version: 1 }, 1],
    ['version 2', { version: 2 }, 2],
    ['version 3', {}, 3],
  ]

  describe.each(versions)('a client of %s', (_, options, version) => {
    test('P2: has all commands', async () => {
      const wire = await target.connect(options)
      expect(wire.end.version).toBe(version)
      const device = await new NtfDevice(target, { wire }).activate()
      expect(await device.status()).toBe('TKN ACTIVE')
      const queue = await target.newQueue()
      const id = await device.subscribed(queue)
      await queue.send()
      await device.untilTold(queue)
      expect(await device.words({ tag: 'TCRN', minutes: 20 })).toBe('OK')
      expect(await device.words({ tag: 'SDEL' }, id)).toBe('OK')
      expect(await device.replace(`${device.token.slice(2)}ab`)).toBe('OK')
      expect(await device.verify()).toBe('OK')
      expect(await device.words({ tag: 'TDEL' })).toBe('OK')
      expect(await wire.words({ command: { tag: 'PING' }, key: null })).toBe('PONG')
    })

    test('P2: has its session id in each transmission, or in none', async () => {
      const wire = await target.connect(options)
      const corrId = new Uint8Array(24).fill(7)
      await wire.ask({ command: { tag: 'PING' }, key: null, corrId })
      const pong = [24, ...corrId, 0, ...latin('PONG')]
      const expected = version === 1 ? [0, 32, ...wire.end.sessionId, ...pong] : [1, 0, 31, 0, ...pong]
      expect([...(wire.blocks[0] as Uint8Array)]).toEqual(expected)
    })
  })

  test('P2: version 1 has one transmission in a block', async () => {
    const wire = await target.connect({ version: 1 })
    const corrIds = [1, 2].map((fill) => new Uint8Array(24).fill(fill))
    const transmissions = corrIds.map((corrId) => wire.transmission({ command: { tag: 'PING' }, key: null, corrId }))
    // As a batch it is no transmission: the first one's authorization has two bytes, and there is no session.
    await wire.send(Uint8Array.of(2, ...transmissions.flatMap((one) => [0, one.length, ...one])))
    const [answer] = await wire.count(1)
    expect(answer).toMatchObject({
      response: { tag: 'ERR', error: { code: expect.stringMatching(/^(BLOCK|SESSION)$/) } },
    })
    await wire.sendTransmissions(transmissions)
    await wire.count(3)
    expect(wire.blocks).toHaveLength(3)
  })

  describe('P8: keys that authorize', () => {
    test.each(
      (['ed25519', 'ed448', 'x25519'] as const).flatMap((algorithm) =>
        [1, 2, 3].map((version) => [algorithm, version] as const),
      ),
    )('P8: %s in version %i', async (algorithm, version) => {
      const wire = await target.connect({ version })
      const device = new NtfDevice(target, { wire, algorithm })
      if (algorithm === 'x25519' && version === 1) {
        device.use(await target.connect({ version: 2 }))
        await device.activate()
        // The client has no key of the session: whatever it sends is none.
        const authorization = new Uint8Array(80).fill(1)
        const answer = await wire.askRaw({ command: 'TCHK', entityId: device.tokenId, authorization })
        expect(answer).toMatchObject({ response: { tag: 'ERR', error: { code: 'AUTH' } } })
        return
      }
      await device.activate()
      expect(await device.status()).toBe('TKN ACTIVE')
      // Of another kind than the key, or of another key.
      const others = (['ed25519', 'ed448', 'x25519'] as const).filter((one) => version > 1 || one !== 'x25519')
      for (const other of others) {
        const { authKey } = new NtfDevice(target, { algorithm: other })
        expect(await device.words({ tag: 'TCHK' }, device.tokenId, authKey)).toBe('ERR AUTH')
      }
    })

    test('P8: an authenticator is refused in version 1 also where the hello had a key', async (context) => {
      target.onlyOurs(context, 'the reference is not known to refuse it')
      const device = await new NtfDevice(target, { algorithm: 'x25519' }).register()
      const connection = await raw(['ntf/1'])
      const { sessionId, rest } = await connection.hello()
      const serverKey = keyOfHello(connection, rest)
      await connection.greet(1, target.address.keyHash)
      const corrId = new Uint8Array(24).fill(4)
      const authorized = Uint8Array.of(32, ...sessionId, 24, ...corrId, 24, ...device.tokenId, ...latin('TCHK'))
      const authorization = authenticate(device.authKey as PrivateKey<'x25519'>, serverKey, corrId, authorized)
      await connection.send(Uint8Array.of(80, ...authorization, ...authorized))
      const answer = Buffer.from(contentOf(await connection.block())).toString('latin1')
      expect(answer.endsWith('ERR AUTH')).toBe(true)
    })

    test.each([0, 1, 23, 25, 255])('P8: an authenticator with a correlation id of %i bytes', async (length) => {
      const wire = await target.connect()
      const device = await new NtfDevice(target, { wire, algorithm: 'x25519', provider: 'AN' }).register()
      const corrId = new Uint8Array(length).fill(5)
      const asked = { command: { tag: 'TCHK' }, entityId: device.tokenId, key: device.authKey, corrId } as const
      expect((await wire.ask(asked)).tag).toBe('TKN')
    })
  })

  describe('R8: old and new ones of all kinds', () => {
    test.each([14, 20].flatMap((smp) => versions.map(([name, options]) => [smp, name, options] as const)))(
      'R8: SMP %i, a client of %s',
      async (max, _, options) => {
        const smp = await EmbeddedSmp.start({ versionRange: { min: 14, max } })
        onTestFinished(() => smp.close())
        const recipient = await openRecipient(smp.server.address)
        onTestFinished(() => recipient[Symbol.asyncDispose]())
        const queue = await recipient.newQueue()
        const device = await new NtfDevice(target, { wire: await target.connect(options) }).activate()
        await device.subscribed(queue)
        await queue.send()
        await device.untilTold(queue)
      },
    )
  })

  test('P1: many half-open connections keep nobody out', async () => {
    await Promise.all(Array.from({ length: 30 }, () => raw(['ntf/1'])))
    const wire = await target.connect()
    expect(await wire.words({ command: { tag: 'PING' }, key: null })).toBe('PONG')
  })
})
