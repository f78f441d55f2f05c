// Spec 20 §12, 24 §1 W17, W18: many at once end as if they had come one after the other.
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { NtfResponse } from '@smpkit/ntf-protocol'
import { describe, expect, onTestFinished, test } from 'vitest'
import { EmbeddedSmp } from './support/embedded-smp.js'
import { NtfDevice, newToken, withHosts } from './support/ntf-device.js'
import { overNtfServers } from './support/ntf-target.js'
import { type Asked, type NtfWire, wordsOf } from './support/ntf-wire.js'
import { openRecipient, type Queue } from './support/queues.js'

const none = new Uint8Array(0)
const rounds = 10

overNtfServers((target) => {
  /** The same moment, as far as there is one: each over a connection of its own. */
  async function atOnce(wires: readonly NtfWire[], asked: (i: number) => Asked): Promise<NtfResponse[]> {
    return Promise.all(wires.map((wire, i) => wire.ask(asked(i))))
  }

  const connections = (count: number) => Promise.all(Array.from({ length: count }, () => target.connect()))

  const idOf = (answer: NtfResponse | undefined): string => {
    if (answer?.tag === 'IDTKN') return toHex(answer.tokenId)
    if (answer?.tag === 'IDSUB') return toHex(answer.subscriptionId)
    return answer ? wordsOf(answer) : 'nothing'
  }

  /** One has it, and all others are refused. */
  function expectOne(answers: readonly NtfResponse[], words: string): number {
    const all = answers.map(wordsOf)
    expect([...all].sort()).toEqual([...Array(all.length - 1).fill('ERR AUTH'), words].sort())
    return all.indexOf(words)
  }

  describe('races', () => {
    test('T2: TNEW of one device and key at once gives one id and one key', async (context) => {
      target.onlyOurs(context, 'the reference answers AUTH to all but one (20 §12, 3)')
      const wires = await connections(4)
      for (let i = 0; i < rounds; i++) {
        const device = new NtfDevice(target)
        const answers = await atOnce(wires, () => ({ command: device.tnew, key: device.authKey }))
        expect(new Set(answers.map(idOf)).size).toBe(1)
        expect(new Set(answers.map((one) => (one.tag === 'IDTKN' ? toHex(one.dhKey.toRaw()) : ''))).size).toBe(1)
        await device.register()
        expect(toHex(device.tokenId)).toBe(idOf(answers[0]))
        expect(await device.verify()).toBe('OK')
      }
    })

    test('T2: TNEW with different DH keys at once: one has it, the other is refused', async () => {
      const wires = await connections(2)
      for (let i = 0; i < rounds; i++) {
        const first = new NtfDevice(target)
        const second = new NtfDevice(target, { client: first, token: first.token })
        const tnews = [first.tnew, second.tnew] as const
        const answers = await atOnce(wires, (at) => ({ command: tnews[at] ?? first.tnew, key: first.authKey }))
        expectOne(answers, 'IDTKN')
      }
    })

    test('D2: SNEW of one queue by one token at once gives one id', async (context) => {
      target.onlyOurs(context, 'the reference may answer nothing to all but one (20 §12, 9)')
      const wires = await connections(4)
      const device = await new NtfDevice(target).activate()
      for (let i = 0; i < rounds; i++) {
        const queue = await target.newQueue()
        const answers = await atOnce(wires, () => ({ command: device.snew(queue), key: device.authKey }))
        expect(answers.map(({ tag }) => tag)).toEqual(Array(4).fill('IDSUB'))
        expect(new Set(answers.map(idOf)).size).toBe(1)
      }
    })

    test('D2: SNEW of one queue by two tokens, or with two keys, at once: one has it, the other is refused', async (context) => {
      target.onlyOurs(context, 'the reference may answer nothing to the other (20 §12, 9)')
      const wires = await connections(2)
      const devices = [await new NtfDevice(target).activate(), await new NtfDevice(target).activate()] as const
      for (let i = 0; i < rounds; i++) {
        const [queue, other] = await target.newPair()
        const device = (at: number) => (at === 0 ? devices[0] : devices[1])
        const byTokens = await atOnce(wires, (at) => ({ command: device(at).snew(queue), key: device(at).authKey }))
        const owner = device(expectOne(byTokens, 'IDSUB'))
        expect(await owner.subscribe(queue)).toHaveLength(24)

        const wrong = { ...other, notifierKey: queue.notifierKey }
        const byKeys = await atOnce(wires, (at) => ({
          command: owner.snew(at === 0 ? other : wrong),
          key: owner.authKey,
        }))
        expectOne(byKeys, 'IDSUB')
      }
    })

    test('T3: TVFY of two registrations of a device at once: one is left', async (context) => {
      target.onlyOurs(context, 'the reference looks tokens up before it waits for others')
      const wires = await connections(2)
      for (let i = 0; i < rounds; i++) {
        const token = newToken()
        const first = await new NtfDevice(target, { token }).register()
        const code = await first.code()
        const second = await new NtfDevice(target, { token }).register()
        const codes = [code, await codeOf(second)]
        const devices = [first, second] as const
        const answers = await atOnce(wires, (at) => ({
          command: { tag: 'TVFY', code: codes[at] as Uint8Array },
          entityId: (devices[at] as NtfDevice).tokenId,
          key: (devices[at] as NtfDevice).authKey,
        }))
        const verified = expectOne(answers, 'OK')
        expect(await (devices[verified] as NtfDevice).status()).toBe('TKN ACTIVE')
        expect(await (devices[1 - verified] as NtfDevice).status()).toBe('ERR AUTH')
      }
    })

    /** Of one whose device token had other pushes before. */
    async function codeOf(device: NtfDevice): Promise<Uint8Array> {
      for (;;) {
        for (const push of device.pushes()) {
          try {
            const [opened] = device.opened([push])
            if (opened?.kind === 'verification') return opened.code
          } catch {}
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }

    test('T4: TRPL of two tokens of a client by one device token at once: one has it', async (context) => {
      target.embedded(context)
      const wires = await connections(2)
      for (let i = 0; i < rounds; i++) {
        const first = await new NtfDevice(target).register()
        const devices = [first, await new NtfDevice(target, { client: first }).register()] as const
        const command = { tag: 'TRPL', provider: target.provider, token: Buffer.from(newToken()) } as const
        const answers = await atOnce(wires, (at) => {
          const { tokenId: entityId, authKey: key } = devices[at] as NtfDevice
          return { command, entityId, key }
        })
        expectOne(answers, 'OK')
      }
    })

    test('T5: TDEL and SNEW at once leave no subscription', async (context) => {
      target.onlyOurs(context, 'the reference may answer nothing to SNEW')
      const wires = await connections(2)
      for (let i = 0; i < rounds; i++) {
        const device = await new NtfDevice(target).activate()
        const queue = await target.newQueue()
        const { authKey: key, tokenId: entityId } = device
        const [deleted, subscribed] = await atOnce(wires, (at) =>
          at === 0 ? { command: { tag: 'TDEL' }, entityId, key } : { command: device.snew(queue), key },
        )
        expect(deleted && wordsOf(deleted)).toBe('OK')
        if (subscribed?.tag === 'IDSUB') expect(await device.subscription(subscribed.subscriptionId)).toBe('ERR AUTH')
        else expect(subscribed && wordsOf(subscribed)).toBe('ERR AUTH')
        const other = await new NtfDevice(target).activate()
        await other.subscribe(queue)
      }
    })
  })

  test('W17: 64 clients with 50 SNEW each at the same moment are all answered', async (context) => {
    target.onlyOurs(context, 'ten of them stop the reference for ever')
    const own = await target.own(context, { poolSize: 3 })
    const queue = await target.newQueue()
    const warnings: unknown[] = []
    const warn = (warning: Error) => void warnings.push(warning.message)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const clients = await Promise.all(
      Array.from({ length: 64 }, async () => new NtfDevice(own, { wire: await own.connect() }).activate()),
    )
    // Nobody is there: the time is that of the door and the database.
    const address = { ...withHosts({ ...queue.address, port: '1' }, ['127.0.0.1']), keyHash: randomBytes(32) }
    const answers = await Promise.all(
      clients.map(async (device) => {
        const named = Array.from({ length: 50 }, () => ({ ...queue, address, notifierId: randomBytes(24) }))
        const wire = await device.wire()
        return wire.askAll(named.map((one) => ({ command: device.snew(one), key: device.authKey })))
      }),
    )
    expect(new Set(answers.flat().map(({ tag }) => tag))).toEqual(new Set(['IDSUB']))
    expect(new Set(answers.flat().map(idOf)).size).toBe(64 * 50)
    // And it goes on.
    const device = await new NtfDevice(own).activate()
    await device.subscribed(queue)
    await queue.send()
    await device.untilTold(queue)
    expect(warnings).toEqual([])
  })

  test('W18: one SMP server under two spellings has one connection, and no push is lost', async (context) => {
    target.onlyOurs(context, 'the reference takes them for two servers, which take its service from each other')
    const smp = await EmbeddedSmp.start()
    onTestFinished(() => smp.close())
    const recipient = await openRecipient(smp.server.address)
    onTestFinished(() => recipient[Symbol.asyncDispose]())
    const own = await target.own(context)
    const device = await new NtfDevice(own).activate()
    const queues: Queue[] = []
    for (const hosts of [['127.0.0.1'], ['localhost'], ['localhost', '127.0.0.1'], ['127.0.0.1', 'localhost']]) {
      const queue = await recipient.newQueue()
      await device.subscribed({ ...queue, address: withHosts(queue.address, hosts) })
      queues.push(queue)
    }
    const subscribing = () => smp.log.filter(({ tag, direction }) => direction === 'received' && /^NSUBS?$/.test(tag))
    expect(new Set(subscribing().map(({ connection }) => connection)).size).toBe(1)
    for (let round = 1; round <= 3; round++) {
      if (round === 2) await smp.server.dropConnections()
      if (round === 3) await own.ntf.restart()
      for (const queue of queues) await queue.send()
      for (const queue of queues) await device.untilTold(queue, round)
    }
  })

  test('W17: a client that floods is served, and so are others meanwhile', async () => {
    const flooding = await target.connect()
    const device = await new NtfDevice(target, { wire: flooding }).activate()
    const other = await new NtfDevice(target, { wire: await target.connect() }).activate()
    const asked = { command: { tag: 'SCHK' } as const, entityId: randomBytes(24), key: device.authKey }
    const flood = flooding.askAll(Array.from({ length: 3000 }, () => asked))
    expect(await other.words({ tag: 'TCHK' })).toBe('TKN ACTIVE')
    expect(await other.words(other.snew(await target.newQueue()), none)).toBe('IDSUB')
    expect(new Set((await flood).map(wordsOf))).toEqual(new Set(['ERR AUTH']))
  })
})
