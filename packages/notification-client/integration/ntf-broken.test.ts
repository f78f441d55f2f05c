// Spec 24 §2 (Q1–Q3), §1 (R7), 23 §2: rows of a state that are broken stop nothing but what they are about.
import { describe, expect, it } from 'vitest'
import { untilStatus } from '../src/testing/service.js'
import { useNtf } from './support/ntf.js'
import { newDeviceToken, ready, talk } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

const garbage: readonly unknown[] = [null, 'text', 5, {}, { id: null, notifierId: '', keyHash: '' }]

describe('a state with broken rows', () => {
  it.each(garbage.map((value) => [JSON.stringify(value), value]))(
    'Q1 R7 subscribes all connections although what was stored of one is %s',
    async (_, value) => {
      const { phone, client, peers } = await talk(await target.one(), smp.first, { connections: 2 })
      await client.close()
      await phone.state.put(`queue ${peers[0]?.connection}`, value)
      await phone.state.put('queue nobody', value)
      const again = await phone.again()
      await again.openReady(2)
      for (const { connection, say } of peers) {
        const before = again.count('message')
        await say('hello')
        await again.untilPushed('message', before + 1)
        expect(await again.told()).toBe(connection)
      }
    },
  )

  it('Q2 R7 goes on with connections although notifiers of others are to be replaced or turned on', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first)
    await client.close()
    for (const key of ['renewal nobody', 'paused nobody', `renewal ${'A'.repeat(32)}`]) {
      await phone.state.put(key, true)
    }
    const again = await phone.again()
    await again.openReady(1)
    await peers[0]?.say('hello')
    await again.untilPushed('message', 1)
    expect((await again.state.list()).filter(([key]) => /^(renewal|paused) /.test(key))).toEqual([])
  })

  it.each(garbage.map((value) => [JSON.stringify(value), value]))(
    'Q3 R7 deletes tokens that are to be deleted although one of them is stored as %s',
    async (_, value) => {
      const ntf = await target.one()
      const { phone, client } = await talk(ntf, smp.first)
      const witness = await Witness.of(phone)
      ntf.front.refuse()
      await client.unregister()
      await phone.state.put('deletion AAAA', value)
      await phone.state.put('deletion zzzz', value)
      const again = await phone.again({ token: newDeviceToken() })
      const later = await again.open()
      await untilStatus(later, ({ problem }) => problem?.code === 'NETWORK')
      ntf.front.allow()
      await ready(later, 1)
      await again.until(async () => (await witness.token()) === 'ERR AUTH')
    },
  )
})
