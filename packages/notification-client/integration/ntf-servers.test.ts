// Spec 24 §2 (A9, A10, A13, A14, A23–A25), 23 §10, §11: which notification server a device's token is at.
import { NtfClient, ntfAddressToText, parseNtfAddress, testNtfServer } from '@smpkit/ntf-protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { untilStatus } from '../src/testing/service.js'
import { useNtf } from './support/ntf.js'
import { newDeviceToken, notifierIds, Phone, ready, talk } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

describe('a client of one of two servers', () => {
  it('A9 stays with its own, and does not need the other', async (context) => {
    const [own, other] = await target.two(context)
    other.front.refuse()
    const { phone, peers, client } = await talk(own, smp.first)
    await peers[0]?.say('hello')
    await phone.untilPushed('message', 1)
    phone.move()
    await client.setDevice(phone.device())
    await ready(client, 1)
    expect(phone.count('verification')).toBe(1)
  })

  it('A9 waits for its own when that is away', async (context) => {
    const [own] = await target.two(context)
    const { phone, peers, client } = await talk(own, smp.first)
    own.front.refuse()
    phone.move()
    await client.setDevice(phone.device())
    const { problem } = await untilStatus(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'NETWORK', temporary: true })
    expect(phone.pushes).toEqual([])
    own.front.allow()
    await ready(client, 1)
    await peers[0]?.say('hello')
    await phone.untilPushed('message', 1)
  })

  it('A10 stays there when its token is replaced, and chooses anew when it was deleted', async (context) => {
    const [first, second] = await target.two(context)
    const { phone, peers, client } = await talk(first, smp.first)
    const witness = await Witness.of(phone)
    phone.move()
    await client.setDevice(phone.device())
    await phone.untilPushed('verification', 1)
    await ready(client, 1)
    expect(await witness.token()).toBe('ACTIVE')

    await client.unregister()
    second.front.refuse()
    const moved = await phone.again({ ntf: second, token: newDeviceToken() })
    const later = await moved.open()
    await untilStatus(later, ({ problem }) => problem?.code === 'NETWORK')
    const again = await moved.again()
    const last = await again.open()
    await untilStatus(last, ({ problem }) => problem?.code === 'NETWORK')
    second.front.allow()
    await ready(last, 1)
    expect(await (await Witness.of(again)).token()).toBe('ACTIVE')
    expect(await witness.token()).toBe('ERR AUTH')
    await peers[0]?.say('hello')
    await again.untilPushed('message', 1)
  })

  it('A23 brings new connections to the server of its token, too', async (context) => {
    const [first, second] = await target.two(context)
    const { phone, friend, client } = await talk(first, smp.first)
    second.front.refuse()
    phone.move()
    await client.setDevice(phone.device())
    await ready(client, 1)
    const { connection, say } = await phone.meet(friend)
    await ready(client, 2)
    await say('hello')
    await phone.untilPushed('message', 1)
    expect(await phone.told()).toBe(connection)
    expect(second.front.commands).toBe(0)
  })

  it('A24 has all its pushes from a new server, old and new connections, while the old one is away', async (context) => {
    const [first, second] = await target.two(context)
    const { phone, friend, client, peers } = await talk(first, smp.first, { connections: 2 })
    const witness = await Witness.of(phone)
    expect(await witness.token()).toBe('ACTIVE')
    first.front.refuse()
    await client.unregister()
    const moved = await phone.again({ ntf: second, token: newDeviceToken() })
    const later = await moved.openReady(2)
    const third = await moved.meet(friend)
    await ready(later, 3)
    for (const [i, { connection, say }] of [...peers, third].entries()) {
      await say('hello')
      await moved.untilPushed('message', i + 1)
      expect(await moved.told()).toBe(connection)
    }
    // It is told when it is back, whatever server is ours by then.
    first.front.allow()
    await moved.until(async () => (await witness.token()) === 'ERR AUTH')
    await moved.until(async () => !(await moved.state.list()).some(([key]) => key.startsWith('deletion ')))
  })

  it('A24 keeps its pushes when the old server comes back that still has its subscriptions', async (context) => {
    const [first, second] = await target.two(context)
    const old = first.embedded(context, 'a restart')
    const { phone, client, peers } = await talk(first, smp.first, { connections: 2 })
    await phone.until(async () => (await old.subscriptions()).every(({ status }) => status === 'active'))
    await old.stop()
    first.front.refuse()
    await client.unregister()
    const moved = await phone.again({ ntf: second, token: newDeviceToken() })
    await moved.openReady(2)
    await old.start()
    await moved.until(async () => (await old.subscriptions()).every(({ status }) => status !== 'active'))
    for (const [i, { connection, say }] of peers.entries()) {
      await say('hello')
      await moved.untilPushed('message', i + 1)
      expect(await moved.told()).toBe(connection)
    }
    expect(phone.count('message')).toBe(0)
  })

  it('A25 leaves the former one when another address is given, without being told to', async (context) => {
    const [first, second] = await target.two(context)
    const { phone, client, peers } = await talk(first, smp.first, { connections: 2 })
    const witness = await Witness.of(phone)
    const notifiers = await notifierIds(phone)
    await client.close()
    const moved = await phone.again({ ntf: second, token: newDeviceToken() })
    await moved.openReady(2)
    // What the former server knows is worthless to it.
    expect((await notifierIds(moved)).filter((id) => notifiers.includes(id))).toEqual([])
    await moved.until(async () => (await witness.token()) === 'ERR AUTH')
    for (const [i, { say }] of peers.entries()) {
      await say('hello')
      await moved.untilPushed('message', i + 1)
    }
    expect(phone.count('message')).toBe(0)
  })
})

describe('a test of a server', () => {
  it('A13 passes, and leaves nothing there', async () => {
    const { address, front } = await target.one()
    expect(await testNtfServer(address)).toBeUndefined()
    expect(front.commands).toBe(2)
  })

  it('A14 tells at the step `connect` that the fingerprint is another one', async () => {
    const { address } = await target.one()
    const wrong = { ...parseNtfAddress(address), keyHash: new Uint8Array(32) }
    const result = await testNtfServer(ntfAddressToText(wrong))
    expect(result).toMatchObject({ step: 'connect', error: { code: 'CONNECT', temporary: false } })
  })

  it('A14 a client is told of it, and does not register there', async () => {
    const ntf = await target.one()
    const wrong = ntfAddressToText({ ...parseNtfAddress(ntf.address), keyHash: new Uint8Array(32) })
    const phone = await Phone.buy({ ...ntf, address: wrong }, { smp: smp.first })
    const client = await phone.open()
    const { problem } = await untilStatus(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ temporary: false })
    expect(ntf.front.commands).toBe(0)
    expect(phone.pushes).toEqual([])
  })

  it('tells at which step a server breaks off', async () => {
    const { address, front } = await target.one()
    front.refuse()
    expect(await testNtfServer(address)).toMatchObject({ step: 'connect', error: { temporary: true } })
    front.allow()
    const cut = front.cut('before')
    expect(await testNtfServer(address)).toMatchObject({ step: 'createToken', error: { code: 'CLOSED' } })
    await cut
    void front.cut('after', 2)
    expect(await testNtfServer(address)).toMatchObject({ step: 'deleteToken', error: { code: 'CLOSED' } })
  })

  it('tells of a server without the provider for tests', async (context) => {
    const ntf = await target.one()
    await ntf.embedded(context, 'its options').restart({ testProvider: false })
    expect(await testNtfServer(ntf.address)).toBeUndefined()
    const phone = await Phone.buy(ntf, { smp: smp.first })
    const client = await phone.open()
    const { problem } = await untilStatus(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'DEVICE', temporary: false })
  })
})

describe('a client of the protocol', () => {
  it('asks a server that is back over a new connection', async () => {
    const { address, front } = await target.one()
    const client = new NtfClient(address, { reconnect: { firstDelay: 20, maxDelay: 100 } })
    onTestFinished(() => client.close())
    const ping = () => client.request({ command: { tag: 'PING' }, key: null })
    expect(await ping()).toEqual({ tag: 'PONG' })
    front.refuse()
    await expect(ping()).rejects.toMatchObject({ temporary: true })
    front.allow()
    await expect.poll(() => ping().catch(() => undefined)).toEqual({ tag: 'PONG' })
  })
})
