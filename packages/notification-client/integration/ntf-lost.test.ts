// Spec 24 §2 (A11, A12), §1 (T4, T7, R4), 23 §4: a token that is lost at the server, or whose device is.
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

  it('R4 gets the token again when it refuses the code that was kept for it', async (context) => {
    const { ntf, phone, client } = await verifying(await target.one(), smp.first)
    const embedded = ntf.embedded(context, 'its database')
    const before = await recordOf(phone)
    ntf.front.refuse()
    await client.received(phone.pushes[0])
    await untilStatus(client, ({ problem }) => problem?.code === 'NETWORK')
    const again = await phone.again()
    await embedded.wipe()
    ntf.front.allow()
    again.lose()
    again.isOn = true
    const later = await again.openReady(0)
    expect(later.status.problem).toBeNull()
    expect((await recordOf(again)).authKey).not.toBe(before.authKey)
    expect(await embedded.tokens()).toMatchObject([{ deviceToken: again.token, status: 'active' }])
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
