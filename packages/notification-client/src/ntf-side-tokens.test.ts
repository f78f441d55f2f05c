// Spec 23 §4, 24 §1: a device's token at a server of ntf://, by the scenarios of 24 §2 where one is.
import { PrivateKey } from '@smpkit/crypto'
import { checkMessagesData, tokenSecret, verificationData } from '@smpkit/push-providers/payload'
import { cmd } from '@smpkit/smp-commands'
import { beforeEach, describe, expect, it } from 'vitest'
import { Records } from './state.js'
import { ScriptedNtf } from './testing/ntf.js'
import { isReady, NtfPhone, settled, until } from './testing/ntf-phone.js'

let ntf: ScriptedNtf
beforeEach(() => {
  ntf = new ScriptedNtf()
})

/** A phone whose client has done all that it can, and what it asks from then on. */
async function ready({ connections = 1 } = {}) {
  const phone = new NtfPhone({ connections })
  const client = await phone.ready(ntf)
  await idle(phone)
  ntf.asked = []
  phone.agent.asked = []
  return { phone, client }
}

/** The worker waits for the next check. */
const idle = (phone: NtfPhone) =>
  settled(() => phone.clock.delays.some((delay) => delay > 3_600_000 && delay < 2 ** 30))

describe('a token', () => {
  it('A1, T1: is registered, verified, has its period, and its connections are subscribed', async () => {
    const phone = new NtfPhone({ connections: 2 })
    const client = await phone.ready(ntf)
    expect(ntf.token).toMatchObject({ status: 'ACTIVE', minutes: 20, device: phone.device })
    expect(ntf.asked.slice(0, 1)).toEqual(['TNEW'])
    expect(ntf.asked.filter((tag) => tag === 'SNEW')).toHaveLength(2)
    expect(client.status).toEqual({ phase: 'ready', wanted: 2, subscribed: 2, problem: null })
    expect((await client.info()).providers.map(({ name }) => name)).toContain('apns_prod')
    await client.unregister()
    expect(ntf.tokens.size).toBe(0)
    expect((await phone.state.list()).map(([key]) => key)).toEqual([])
  })

  it('has keys that are stored before it is told, and the same ones when the answer was lost (A2, A8, T2, R5)', async () => {
    const phone = new NtfPhone()
    let lost = 0
    ntf.script = ({ tag }) => (tag === 'TNEW' && lost++ === 0 ? 'after' : undefined)
    const client = await phone.open(ntf)
    await until(client, ({ problem }) => problem?.code === 'NETWORK')
    const before = await new Records(phone.state).device.get()
    expect(before).toMatchObject({ token: null })
    phone.clock.skip()
    await until(client, isReady(1))
    expect(ntf.asked.filter((tag) => tag === 'TNEW')).toHaveLength(2)
    const { key, authKey } = (await new Records(phone.state).device.get()) ?? {}
    expect({ key, authKey }).toEqual({ key: before?.key, authKey: before?.authKey })
  })

  it('A3, T3: of two clients with one device is the one’s that was verified last; the other is told, and registers again', async () => {
    const first = await ready()
    const second = new NtfPhone()
    const other = await second.ready(ntf)
    expect(ntf.token.status).toBe('ACTIVE')
    ntf.isPushing = false
    await first.client.received(checkMessagesData)
    await until(first.client, ({ phase }) => phase === 'verifying')
    expect(ntf.tokens.size).toBe(2)
    expect(isReady(1)(other.status)).toBe(true)
  })

  it('A4: is verified by another process with a push that came before', async () => {
    const phone = new NtfPhone()
    ntf.isPushing = false
    const client = await phone.open(ntf)
    await until(client, ({ phase }) => phase === 'verifying')
    await client.close()
    ntf.isPushing = true
    ntf.devices.delete(phone.device)
    let pushed: unknown
    ntf.devices.set(phone.device, (data) => {
      pushed = data
    })
    ntf.push(ntf.token)
    await settled(() => pushed !== undefined)
    ntf.isPushing = false
    await new Records(phone.state).push.put(pushed)
    const again = await phone.open(ntf)
    await until(again, isReady(1))
    expect(ntf.asked.filter((tag) => tag === 'TNEW')).toHaveLength(1)
  })

  it.each(['before', 'after'] as const)(
    'A5, A6, T11: is verified when the code was lost %s the server got it',
    async (when) => {
      const phone = new NtfPhone()
      let lost = 0
      ntf.script = ({ tag }) => (tag === 'TVFY' && lost++ === 0 ? when : undefined)
      const client = await phone.open(ntf)
      await until(client, ({ problem }) => problem?.code === 'NETWORK')
      expect(ntf.token.status).toBe(when === 'after' ? 'ACTIVE' : 'REGISTERED')
      phone.clock.skip()
      await until(client, isReady(1))
      expect(ntf.asked.filter((tag) => tag === 'TNEW' || tag === 'TVFY')).toEqual(['TNEW', 'TVFY', 'TVFY'])
    },
  )

  it('A7: is registered again each hour, and at the next start, while no push comes', async () => {
    const phone = new NtfPhone()
    ntf.isPushing = false
    const client = await phone.open(ntf)
    await until(client, ({ phase }) => phase === 'verifying')
    const registrations = () => ntf.asked.filter((tag) => tag === 'TNEW').length
    await settled(() => phone.clock.delays.includes(3_600_000))
    expect(registrations()).toBe(1)
    phone.clock.skip()
    await settled(() => registrations() === 2)
    await client.close()
    ntf.isPushing = true
    const again = await phone.open(ntf)
    await until(again, isReady(1))
    expect(registrations()).toBe(3)
    expect(ntf.tokens.size).toBe(1)
  })

  it('R4: whose code is refused as the server was wiped is registered anew, with other keys', async () => {
    const phone = new NtfPhone()
    ntf.isPushing = false
    const client = await phone.open(ntf)
    await until(client, ({ phase }) => phase === 'verifying')
    const { key, authKey } = (await new Records(phone.state).device.get()) ?? {}
    const { serverKey, clientKey } = ntf.token
    ntf.wipe()
    ntf.isPushing = true
    await client.received(verificationData(tokenSecret(serverKey, clientKey), new Uint8Array(32)))
    await until(client, isReady(1))
    const after = await new Records(phone.state).device.get()
    expect(after?.key).not.toBe(key)
    expect(after?.authKey).not.toBe(authKey)
    expect(ntf.token.device).toBe(phone.device)
  })

  it('with a code that is not the present one is pushed to again, and keeps its id', async () => {
    const { client, phone } = await ready()
    const { id, serverKey, clientKey } = ntf.token
    ntf.token.status = 'CONFIRMED'
    ntf.isPushing = false
    await client.received(checkMessagesData)
    await until(client, ({ phase }) => phase === 'verifying')
    await settled(() => phone.clock.delays.includes(3_600_000))
    ntf.isPushing = true
    ntf.asked = []
    await client.received(verificationData(tokenSecret(serverKey, clientKey), new Uint8Array(32)))
    await until(client, isReady(1))
    expect(ntf.asked.slice(0, 4)).toEqual(['TVFY', 'TCHK', 'TNEW', 'TVFY'])
    expect(ntf.token.id).toBe(id)
  })

  it('does not take the code of the registration before for its own', async () => {
    const { phone, client } = await ready()
    const { serverKey, clientKey, code } = ntf.token
    ntf.wipe()
    ntf.isPushing = false
    await client.received(checkMessagesData)
    await until(client, ({ phase }) => phase === 'verifying')
    ntf.asked = []
    await client.received(verificationData(tokenSecret(serverKey, clientKey), code))
    await settled(async () => (await new Records(phone.state).push.get()) === undefined)
    expect(ntf.asked).toEqual([])
  })

  it('R4: that a wiped server does not know is registered anew, with all subscriptions', async () => {
    const { phone, client } = await ready({ connections: 3 })
    ntf.wipe()
    await client.received(checkMessagesData)
    await settled(() => ntf.subscriptions.size === 3)
    await until(client, isReady(3))
    expect(phone.agent.asked).toEqual([])
  })

  it.each([
    ['INVALID', 'BAD'],
    ['EXPIRED', null],
  ] as const)('A11, A12, T7: that is %s is registered again with the same keys', async (status, reason) => {
    const { client, phone } = await ready()
    const { id } = ntf.token
    Object.assign(ntf.token, { status, reason })
    ntf.isPushing = false
    await client.received(checkMessagesData)
    const { problem } = await until(client, ({ phase }) => phase === 'verifying')
    await settled(() => phone.clock.delays.includes(3_600_000))
    expect(client.status.problem?.code).toBe(status === 'INVALID' ? 'DEVICE' : undefined)
    expect(problem?.message ?? '').not.toContain(phone.device)
    expect(ntf.asked.filter((tag) => tag === 'TNEW')).toHaveLength(1)
    ntf.isPushing = true
    ntf.push(ntf.token)
    await until(client, isReady(1))
    expect(ntf.token.id).toBe(id)
    expect(ntf.asked).not.toContain('SNEW')
  })

  it.each(['REGISTERED', 'CONFIRMED', 'NEW'] as const)('that the server has as %s waits for a code', async (status) => {
    const { client, phone } = await ready()
    ntf.token.status = status
    ntf.isPushing = false
    phone.connect('another')
    await until(client, ({ phase }) => phase === 'verifying')
    expect(phone.agent.asked).toEqual([])
    ntf.isPushing = true
    await settled(() => phone.clock.delays.includes(3_600_000))
    phone.clock.skip()
    await until(client, isReady(2))
  })

  it('A20, T4: of another device replaces the former one, and keeps its id, period and subscriptions', async () => {
    const { phone, client } = await ready()
    const { id } = ntf.token
    phone.deliver(ntf, client, 'cd'.repeat(32))
    await client.setDevice({ provider: 'apns_test', token: 'cd'.repeat(32) })
    await settled(() => ntf.asked.includes('TCRN'))
    await until(client, isReady(1))
    expect(ntf.token).toMatchObject({ id, device: 'cd'.repeat(32), status: 'ACTIVE', minutes: 20 })
    expect(ntf.asked).toEqual(['TRPL', 'TVFY', 'TCRN'])
    expect(ntf.subscriptions.size).toBe(1)
  })

  it('that cannot be replaced is deleted, and the new device is registered', async () => {
    const { phone, client } = await ready()
    const { id } = ntf.token
    ntf.script = ({ tag }) => (tag === 'TRPL' ? { tag: 'ERR', error: { code: 'STORE', text: 'secret' } } : undefined)
    phone.deliver(ntf, client, 'cd'.repeat(32))
    await client.setDevice({ provider: 'apns_test', token: 'cd'.repeat(32) })
    await phone.skipUntil(() => ntf.tokens.size === 1 && ntf.token.device.startsWith('cd') && isReady(1)(client.status))
    expect(ntf.token.id).not.toBe(id)
    expect(ntf.asked).toContain('TDEL')
  })

  it('whose replacement was not answered is replaced again', async () => {
    const { phone, client } = await ready()
    let lost = 0
    ntf.script = ({ tag }) => (tag === 'TRPL' && lost++ === 0 ? 'after' : undefined)
    phone.deliver(ntf, client, 'cd'.repeat(32))
    await client.setDevice({ provider: 'apns_test', token: 'cd'.repeat(32) })
    await until(client, ({ problem }) => problem?.code === 'NETWORK')
    phone.clock.skip()
    await until(client, isReady(1))
    expect(ntf.token.status).toBe('ACTIVE')
  })

  it('is registered again where the server has given it no id', async () => {
    const phone = new NtfPhone()
    const { publicKey } = PrivateKey.generate('x25519')
    ntf.script = ({ tag }) =>
      tag === 'TNEW' ? { tag: 'IDTKN', tokenId: new Uint8Array(0), dhKey: publicKey } : undefined
    const client = await phone.open(ntf)
    const { problem } = await until(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'SERVICE', temporary: false })
    ntf.script = () => undefined
    await settled(() => phone.clock.delays.includes(3_600_000))
    phone.clock.skip(3_600_000)
    await until(client, isReady(1))
  })

  it('of a provider that the protocol does not have, or that the server does not offer, is a problem', async () => {
    const phone = new NtfPhone()
    ntf.script = ({ tag }) => (tag === 'TNEW' ? { tag: 'ERR', error: cmd('PROHIBITED') } : undefined)
    const client = await phone.open(ntf)
    const { problem } = await until(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'DEVICE', temporary: false })
    await settled(() => phone.clock.delays.includes(3_600_000))
    ntf.asked = []
    const token = { endpoint: 'https://push.example', keys: { p256dh: '', auth: '' } }
    for (const device of [
      { provider: 'webpush', token },
      { provider: 'apns_test', token },
      { provider: 'apns_test', token: 'a'.repeat(256) },
    ]) {
      await client.setDevice(device)
      await until(client, (status) => status.problem !== null && status.problem !== problem)
    }
    expect(client.status.problem?.code).toBe('DEVICE')
    expect(ntf.asked).toEqual([])
  })
})
