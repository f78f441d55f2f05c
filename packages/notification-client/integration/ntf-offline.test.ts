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
      await phone.until(async () => (await witness.token()) === 'ERR AUTH')
    }
  })
})
