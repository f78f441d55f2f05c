// Spec 24 §2 (A11, A12), §1 (T4, T7, R4–R6), 23 §4, §7: a token that is lost at the server, and commands that are lost on the way.
import { describe, expect, it, onTestFinished } from 'vitest'
import { untilStatus } from '../src/testing/service.js'
import { useNtf } from './support/ntf.js'
import { checkPush, newDeviceToken, ready, talk, verifying } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { recordOf, Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

describe('a token that the provider calls dead', () => {
  it('A11 is registered again when the application is opened', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const { phone, peers, client } = await talk(ntf, smp.first)
    await client.close()
    await embedded.changeTokens({ status: 'invalid', reason: 'BAD' })
    const again = await phone.again()
    await again.openReady(1)
    expect(await (await Witness.of(again)).token()).toBe('ACTIVE')
    await peers[0]?.say('hello')
    await again.untilPushed('message', 1)
  })

  it('A12 is registered again when a check finds it', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const { phone, peers, client } = await talk(ntf, smp.first)
    const { tokenId } = await Witness.of(phone)
    await embedded.changeTokens({ status: 'invalid', reason: 'EXPIRED' })
    await client.received(checkPush)
    await phone.until(async () => (await embedded.tokens())[0]?.status === 'active')
    await ready(client, 1)
    expect((await Witness.of(phone)).tokenId).toBe(tokenId)
    await peers[0]?.say('hello')
    await phone.untilPushed('message', 1)
  })

  it('T7 is registered again once, shown as a problem the second time, and goes on when the device is alive', async (context) => {
    const fake = target.fake(context)
    const ntf = await target.one()
    const { phone, peers, client } = await talk(ntf, smp.first)
    const isDead = new Set([phone.token])
    onTestFinished(() => fake.answer('accepted'))
    fake.answer(({ token }) => (isDead.has(token) ? { status: 410, reason: 'Unregistered' } : 'accepted'))
    await peers[0]?.say('hello')
    const witness = await Witness.of(phone)
    await phone.until(async () => (await witness.token()) === 'INVALID')
    for (let checks = 0; client.status.problem === null && checks < 3; checks++) {
      const { kinds } = phone
      await client.received(checkPush)
      await phone.until(() => phone.kinds.length > kinds.length || client.status.problem !== null)
      await phone.until(async () => (await witness.token()) === 'INVALID')
    }
    expect(client.status.problem).toMatchObject({ code: 'DEVICE', temporary: false })
    isDead.clear()
    await client.received(checkPush)
    await ready(client, 1)
    const before = phone.count('message')
    await peers[0]?.say('hello again')
    await phone.untilPushed('message', before + 1)
  })
})

describe('a server that has lost its database', () => {
  it('R4 gets the token again when it refuses the code, with other keys', async (context) => {
    const { ntf, phone, client } = await verifying(await target.one(), smp.first)
    const before = await recordOf(phone)
    await ntf.embedded(context, 'its database').wipe()
    phone.isOn = true
    await ready(client, 0)
    const after = await recordOf(phone)
    expect(after.authKey).not.toBe(before.authKey)
    expect(after.key).not.toBe(before.key)
    expect(await (await Witness.of(phone)).token()).toBe('ACTIVE')
    expect(phone.count('verification')).toBe(2)
  })

  it('R4 gets an active token again with all subscriptions, when a check finds it', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const { phone, client, peers } = await talk(ntf, smp.first, { connections: 3 })
    await embedded.wipe()
    await client.received(checkPush)
    await phone.until(async () => (await embedded.subscriptions()).length === 3)
    await ready(client, 3)
    expect(await embedded.tokens()).toHaveLength(1)
    for (const [i, { say }] of peers.entries()) {
      await say('hello')
      await phone.untilPushed('message', i + 1)
    }
  })

  it('T4 gets a new token where the one that is to be replaced is gone', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const { phone, client, peers } = await talk(ntf, smp.first)
    await embedded.wipe()
    phone.move(newDeviceToken())
    await client.setDevice(phone.device())
    await phone.until(async () => (await embedded.subscriptions()).length === 1)
    await ready(client, 1)
    expect(await embedded.tokens()).toMatchObject([{ deviceToken: phone.token, status: 'active' }])
    await peers[0]?.say('hello')
    await phone.untilPushed('message', 1)
  })
})

describe('the deletion of a token', () => {
  it('R6 waits for a server that is away, also where the application was ended', async () => {
    const ntf = await target.one()
    const { phone, client } = await talk(ntf, smp.first)
    const witness = await Witness.of(phone)
    expect(await witness.token()).toBe('ACTIVE')
    ntf.front.refuse()
    await client.unregister()
    expect(client.status.phase).toBe('off')
    const again = await phone.again()
    const later = await again.open()
    await untilStatus(later, ({ problem }) => problem?.code === 'NETWORK')
    ntf.front.allow()
    await ready(later, 1)
    await again.until(async () => (await witness.token()) === 'AUTH')
    expect((await Witness.of(again)).tokenId).not.toBe(witness.tokenId)
    expect((await again.state.list()).filter(([key]) => key.startsWith('deletion '))).toEqual([])
  })

  it.each(['before', 'after'] as const)(
    'R6 is done although the connection breaks %s the server has the command',
    async (when) => {
      const ntf = await target.one()
      const { phone, client } = await talk(ntf, smp.first)
      const witness = await Witness.of(phone)
      expect(await witness.token()).toBe('ACTIVE')
      const cut = ntf.front.cut(when)
      await Promise.all([client.unregister(), cut])
      const again = await phone.again()
      await again.openReady(1)
      await again.until(async () => (await witness.token()) === 'AUTH')
      await again.until(async () => !(await again.state.list()).some(([key]) => key.startsWith('deletion ')))
    },
  )
})

describe('R5 a connection that breaks', () => {
  it.each(['before', 'after'] as const)('%s any command is answered changes nothing of the end', async (when) => {
    const ntf = await target.one()
    const { phone, client, peers } = await talk(ntf, smp.first, { connections: 2 })
    const { commands } = ntf.front
    await client.unregister()
    for (let nth = 1; nth <= commands; nth++) {
      phone.move()
      let isCut = false
      void ntf.front.cut(when, nth).then(() => {
        isCut = true
      })
      const next = await phone.openReady(2)
      expect(isCut).toBe(true)
      const witness = await Witness.of(phone)
      expect(await witness.token()).toBe('ACTIVE')
      await peers[nth % 2]?.say('hello')
      await phone.untilPushed('message', 1)
      await next.unregister()
      await phone.until(async () => (await witness.token()) === 'AUTH')
    }
  })
})
