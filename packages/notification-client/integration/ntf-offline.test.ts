// Spec 24 §1 (R5, R6), 23 §6, §7: commands that are lost on the way, and a server that is away.
import { describe, expect, it } from 'vitest'
import { untilStatus } from '../src/testing/service.js'
import { useNtf } from './support/ntf.js'
import { newDeviceToken, ready, talk } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

describe('the deletion of a token', () => {
  it('R6 waits for a server that is away, also where the application was ended', async () => {
    const ntf = await target.one()
    const { phone, client } = await talk(ntf, smp.first)
    const witness = await Witness.of(phone)
    expect(await witness.token()).toBe('ACTIVE')
    ntf.front.refuse()
    await client.unregister()
    expect(client.status.phase).toBe('off')
    // Another device: otherwise the server would delete the former token as soon as the new one is verified.
    const again = await phone.again({ token: newDeviceToken() })
    const later = await again.open()
    await untilStatus(later, ({ problem }) => problem?.code === 'NETWORK')
    ntf.front.allow()
    await ready(later, 1)
    await again.until(async () => (await witness.token()) === 'ERR AUTH')
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
      await again.until(async () => (await witness.token()) === 'ERR AUTH')
      await again.until(async () => !(await again.state.list()).some(([key]) => key.startsWith('deletion ')))
    },
  )
})

describe('a connection that breaks', () => {
  it.each(['before', 'after'] as const)('R5 %s any command is answered changes nothing of the end', async (when) => {
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
      await phone.until(async () => (await witness.token()) === 'ERR AUTH')
    }
  })
})

describe('a server that hangs', () => {
  /** A client that has something to tell to it. */
  async function hanging() {
    const ntf = await target.one()
    const client = { ntf: { requestTimeout: 300, connectTimeout: 300, reconnect: { firstDelay: 20, maxDelay: 100 } } }
    const all = await talk(ntf, smp.first, { client })
    ntf.front.hold()
    const second = await all.phone.meet(all.friend)
    await untilStatus(all.client, ({ problem }) => problem?.code === 'NETWORK')
    return { ...all, ntf, second }
  }

  it('holds up no message, and gets what there is to tell when it goes on', async () => {
    const { ntf, phone, client, second } = await hanging()
    await second.say('hello')
    await phone.until(() => phone.messages.includes('hello'))
    expect(client.status).toMatchObject({ wanted: 2, subscribed: 1 })
    ntf.front.allow()
    await ready(client, 2)
    await phone.untilPushed('message', 1)
    expect(await phone.told()).toBe(second.connection)
  })

  it('does not keep the client from being closed, which goes on when it is opened again', async () => {
    const { ntf, phone, client, second } = await hanging()
    await client.close()
    const again = await phone.again()
    const later = await again.open()
    await later.close()
    ntf.front.allow()
    const last = await again.again()
    await last.openReady(2)
    await second.say('hello')
    await last.untilPushed('message', 1)
  })
})
