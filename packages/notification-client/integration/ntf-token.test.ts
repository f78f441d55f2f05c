// Spec 24 §2 (A1–A8, A20), 23 §4: a device's token at a server of ntf://, from the first request on.
import { describe, expect, it } from 'vitest'
import { openDevicePush } from '../src/device-secret.js'
import { untilStatus } from '../src/testing/service.js'
import { useNtf } from './support/ntf.js'
import { openPerson, Phone, ready, talk, verifying } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { recordOf, subscriptionsOf, Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

const waiting = async () => verifying(await target.one(), smp.first)

const codeOf = async (phone: Phone, index: number): Promise<string> => {
  const opened = openDevicePush(await recordOf(phone), phone.pushes[index])
  if (opened?.kind !== 'verification') throw new Error('expected a verification push')
  return Buffer.from(opened.code).toString('hex')
}

describe('a token', () => {
  it('A1 is registered, verified, checked and deleted', async () => {
    const ntf = await target.one()
    const phone = await Phone.buy(ntf, { smp: smp.first })
    const client = await phone.openReady(0)
    expect(phone.kinds).toEqual(['verification'])
    const witness = await Witness.of(phone)
    expect(await witness.token()).toBe('ACTIVE')
    await client.unregister()
    await phone.until(async () => (await witness.token()) === 'ERR AUTH')
    expect(client.status.phase).toBe('off')
    expect(await phone.state.get('device')).toBeUndefined()
    await expect(client.setDevice(phone.device())).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('A2 that is registered again has the same code, and the first push is still good', async () => {
    const ntf = await target.one()
    const phone = await Phone.buy(ntf, { smp: smp.first })
    phone.isOn = false
    const cut = ntf.front.cut('after')
    const client = await phone.open()
    await cut
    await phone.untilPushed('verification', 2)
    await untilStatus(client, ({ phase }) => phase === 'verifying')
    expect(await codeOf(phone, 0)).toBe(await codeOf(phone, 1))
    expect(await client.received(phone.pushes[0])).toBe('verification')
    await ready(client, 0)
    expect(await (await Witness.of(phone)).token()).toBe('ACTIVE')
  })

  it('A3 of a device that a second client registers is the second one’s when that is verified', async () => {
    const ntf = await target.one()
    const first = await Phone.buy(ntf, { smp: smp.first })
    await first.openReady(0)
    const second = await Phone.buy(ntf, { smp: smp.first, token: first.token })
    second.isOn = false
    const client = await second.open()
    await untilStatus(client, ({ phase }) => phase === 'verifying')
    const witnesses = [await Witness.of(first), await Witness.of(second)] as const
    await second.until(async () => (await witnesses[1].token()) === 'CONFIRMED')
    expect(await witnesses[0].token()).toBe('ACTIVE')
    second.isOn = true
    await ready(client, 0)
    expect(await witnesses[0].token()).toBe('ERR AUTH')
    expect(await witnesses[1].token()).toBe('ACTIVE')
  })

  it('A4 is verified by another process, after the server was restarted', async (context) => {
    const { ntf, phone } = await waiting()
    const { tokenId } = await Witness.of(phone)
    await ntf.embedded(context, 'a restart').restart()
    const again = await phone.again()
    await again.openReady(0)
    const witness = await Witness.of(again)
    expect(witness.tokenId).toBe(tokenId)
    expect(await witness.token()).toBe('ACTIVE')
  })

  it('A5 is verified with the code that came while the server was away, when it is back', async () => {
    const { ntf, phone, client } = await waiting()
    ntf.front.refuse()
    phone.isOn = true
    const { problem } = await untilStatus(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'NETWORK', temporary: true })
    const again = await phone.again()
    const later = await again.open()
    await untilStatus(later, (status) => status.problem?.code === 'NETWORK')
    ntf.front.allow()
    await ready(later, 0)
    expect(await (await Witness.of(again)).token()).toBe('ACTIVE')
  })

  it('A6 that the server has verified, and whose client did not hear of it, is verified again', async () => {
    const { ntf, phone, client } = await waiting()
    const cut = ntf.front.cut('after')
    phone.isOn = true
    await cut
    const witness = await Witness.of(phone)
    expect(await witness.token()).toBe('ACTIVE')
    await ready(client, 0)
    expect(await witness.token()).toBe('ACTIVE')
    expect(phone.count('verification')).toBe(1)
  })

  it('A7 whose push was lost gets another one when the application is opened again', async () => {
    const { phone } = await waiting()
    phone.lose()
    const again = await phone.again()
    await again.openReady(0)
    expect(again.count('verification')).toBe(2)
    expect(await (await Witness.of(again)).token()).toBe('ACTIVE')
  })

  it.each(['before', 'after'] as const)(
    'A8 is registered once where the answer is lost %s the server has the command',
    async (when) => {
      const ntf = await target.one()
      const phone = await Phone.buy(ntf, { smp: smp.first })
      phone.isOn = false
      const cut = ntf.front.cut(when)
      await phone.open()
      await cut
      await phone.client?.close()
      const { authKey } = await recordOf(phone)
      const again = await phone.again()
      again.isOn = true
      await again.openReady(0)
      expect((await recordOf(again)).authKey).toBe(authKey)
      expect(await (await Witness.of(again)).token()).toBe('ACTIVE')
    },
  )

  it('T10 tells nothing of connections before it is verified', async () => {
    const ntf = await target.one()
    const [phone, friend] = [await Phone.buy(ntf, { smp: smp.first }), await openPerson(smp.first)]
    const { say } = await phone.meet(friend)
    phone.isOn = false
    const client = await phone.open()
    await phone.untilPushed('verification', 1)
    await untilStatus(client, ({ phase }) => phase === 'verifying')
    await phone.noPush(() => say('hello'))
    expect(client.status).toMatchObject({ phase: 'verifying', subscribed: 0 })
    expect(await subscriptionsOf(phone)).toEqual([])
    phone.isOn = true
    await ready(client, 1)
    await phone.untilPushed('message', 1)
  })

  it('is registered for the device that there is by then, where another one was never told', async () => {
    const ntf = await target.one()
    const phone = await Phone.buy(ntf, { smp: smp.first })
    const former = phone.token
    ntf.front.refuse()
    const client = await phone.open()
    await untilStatus(client, ({ problem }) => problem?.code === 'NETWORK')
    const { authKey } = await recordOf(phone)
    phone.move()
    await client.setDevice(phone.device())
    ntf.front.allow()
    await ready(client, 0)
    expect((await recordOf(phone)).authKey).toBe(authKey)
    expect(phone.kinds).toEqual(['verification'])
    expect(ntf.log.of(former)).toEqual([])
  })

  it('is replaced also before it is verified: the first code is worthless', async () => {
    const { phone, client } = await verifying(await target.one(), smp.first)
    const [push] = phone.pushes
    const former = await Witness.of(phone)
    phone.move()
    await client.setDevice(phone.device())
    await phone.untilPushed('verification', 1)
    await client.received(push)
    phone.isOn = true
    await ready(client, 0)
    const present = await Witness.of(phone)
    expect(await present.token()).toBe('ACTIVE')
    // A code that is refused may cost the registration, which then leaves nothing behind.
    if (present.tokenId !== former.tokenId) expect(await former.token()).toBe('ERR AUTH')
  })

  it.each(['before', 'after'] as const)(
    'A20 is replaced although the connection breaks %s the server has the command',
    async (when) => {
      const ntf = await target.one()
      const { phone, client, peers } = await talk(ntf, smp.first)
      const { tokenId } = await Witness.of(phone)
      phone.move()
      const cut = ntf.front.cut(when)
      await client.setDevice(phone.device())
      await cut
      await phone.untilPushed('verification', 1)
      await ready(client, 1)
      expect((await Witness.of(phone)).tokenId).toBe(tokenId)
      await peers[0]?.say('hello')
      await phone.untilPushed('message', 1)
    },
  )

  it('A20 is replaced when the device has another one: pushes go only there', async () => {
    const ntf = await target.one()
    const { phone, peers, client } = await talk(ntf, smp.first)
    const former = phone.token
    const { tokenId } = await Witness.of(phone)
    await client.close()
    phone.move()
    const again = await phone.again()
    await again.openReady(1)
    await peers[0]?.say('hello')
    await again.untilPushed('message', 1)
    expect((await Witness.of(again)).tokenId).toBe(tokenId)
    expect(again.kinds).toEqual(['verification', 'message'])
    expect(ntf.log.of(former)).toHaveLength(1)
  })
})
