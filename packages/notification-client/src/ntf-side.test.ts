// Spec 23 §6, 24 §1: subscriptions of a client at a server of ntf://, by the scenarios of 24 §2 where one is.
import { checkMessagesData } from '@smpkit/push-providers/payload'
import { cmd } from '@smpkit/smp-commands'
import { beforeEach, describe, expect, it } from 'vitest'
import { ScriptedNtf } from './testing/ntf.js'
import { isReady, NtfPhone, settled, until } from './testing/ntf-phone.js'

const day = 24 * 3_600_000
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

const statuses = () => [...ntf.subscriptions.values()].map(({ status }) => status)

describe('subscriptions', () => {
  it('come and go with the notifications of connections (D15)', async () => {
    const { phone, client } = await ready()
    phone.connect('second')
    await until(client, isReady(2))
    await phone.agent.setNotifications('connection 0', false)
    await until(client, isReady(1))
    phone.agent.notifiers.delete('second')
    phone.agent.tell('deleted', 'second')
    await until(client, isReady(0))
    expect(ntf.asked).toEqual(['SNEW', 'SDEL', 'SDEL'])
    expect(ntf.subscriptions.size).toBe(0)
  })

  it('A22, D12: follow a connection to another queue', async () => {
    const { phone, client } = await ready()
    const [before] = ntf.subscriptions.values()
    phone.connect('connection 0')
    await settled(() => ntf.asked.includes('SNEW'))
    await until(client, isReady(1))
    expect(ntf.asked).toEqual(['SDEL', 'SNEW'])
    expect([...ntf.subscriptions.values()].map(({ queue }) => queue)).not.toContain(before?.queue)
  })

  it('P6: of many connections are made and checked in batches', async () => {
    const { phone } = await ready({ connections: 320 })
    expect(ntf.subscriptions.size).toBe(320)
    phone.clock.skip(day)
    await settled(() => ntf.asked.length > 320)
    expect(ntf.asked).toEqual(['TCHK', ...Array.from({ length: 320 }, () => 'SCHK')])
    expect(Math.max(...ntf.blocks)).toBe(4)
  })

  it('D11: are checked after a day, then each three days, at each start, and when a push says so', async () => {
    const { phone, client } = await ready({ connections: 2 })
    const checks = async (act: () => unknown) => {
      ntf.asked = []
      await act()
      await settled(() => ntf.asked.includes('TCHK'))
      await idle(phone)
      return ntf.asked.filter((tag) => tag === 'SCHK').length
    }
    expect(await checks(() => phone.clock.skip(day))).toBe(2)
    expect(await checks(() => phone.clock.skip(day))).toBe(0)
    expect(await checks(() => phone.clock.skip(day))).toBe(0)
    expect(await checks(() => phone.clock.skip(day))).toBe(2)
    expect(await checks(() => client.received(checkMessagesData))).toBe(2)
    await client.close()
    expect(await checks(() => phone.open(ntf))).toBe(2)
  })

  it.each(['NEW', 'PENDING', 'ACTIVE', 'INACTIVE', 'SERVICE'] as const)('D11: stay where one is %s', async (status) => {
    const { phone, client } = await ready()
    for (const one of ntf.subscriptions.values()) one.status = status
    await client.received(checkMessagesData)
    await settled(() => ntf.asked.includes('SCHK'))
    await idle(phone)
    expect(ntf.asked).toEqual(['TCHK', 'SCHK'])
    expect(phone.agent.asked).toEqual([])
  })

  it.each(['END', 'DELETED', 'AUTH', 'ERR', 'gone'] as const)(
    'D11: get another notifier where one is %s',
    async (status) => {
      const { phone, client } = await ready({ connections: 2 })
      const [[id, one] = []] = ntf.subscriptions
      if (status === 'gone') ntf.subscriptions.delete(id ?? '')
      else if (one) one.status = status
      await client.received(checkMessagesData)
      await settled(() => ntf.asked.includes('SNEW'))
      await until(client, isReady(2))
      expect(phone.agent.asked).toEqual(['-connection 0', '+connection 0'])
      expect(statuses()).toEqual(['ACTIVE', 'ACTIVE'])
      expect(ntf.subscriptions.has(id ?? '')).toBe(false)
    },
  )

  it('that were renewed are left alone for an hour: another device may do the same', async () => {
    const { phone, client } = await ready()
    for (const last of ['SNEW', 'SCHK', 'SCHK']) {
      ntf.asked = []
      for (const one of ntf.subscriptions.values()) one.status = 'END'
      await client.received(checkMessagesData)
      await settled(() => ntf.asked.includes(last) && phone.clock.delays.some((delay) => delay < 2 ** 30))
    }
    expect(phone.agent.asked).toEqual(['-connection 0', '+connection 0'])
    expect(phone.clock.delays).toContain(3_600_000)
    phone.clock.skip(3_600_000)
    await settled(() => phone.agent.asked.length === 4)
  })

  it('D2: get another notifier where another registration has it', async () => {
    const { phone } = await ready()
    const other = new NtfPhone({ connections: 0, device: 'cd'.repeat(32) })
    const [taken] = phone.agent.notifiers.values()
    if (taken) other.agent.notifiers.set('same', { ...taken, connection: 'same' })
    const client = await other.open(ntf)
    await until(client, isReady(1))
    expect(other.agent.asked).toEqual(['-same', '+same'])
    expect(ntf.subscriptions.size).toBe(2)
  })

  it('D2: are asked for again after an hour where another registration takes each notifier', async () => {
    const { phone, client } = await ready()
    ntf.script = ({ tag }) => (tag === 'SNEW' ? { tag: 'ERR', error: { code: 'AUTH' } } : undefined)
    phone.connect('second')
    await settled(() => ntf.asked.filter((tag) => tag === 'SNEW').length === 2)
    await settled(() => phone.clock.delays.includes(3_600_000))
    expect(client.status).toMatchObject({ phase: 'subscribing', wanted: 2, subscribed: 1 })
    expect(phone.agent.asked).toEqual(['-second', '+second'])
    ntf.script = () => undefined
    phone.clock.skip(3_600_000)
    await until(client, isReady(2))
  })

  it.each([
    ['QUOTA', 'LIMIT', { code: 'QUOTA' }],
    ['CMD', 'SERVICE', cmd('SYNTAX')],
  ] as const)('that are refused with %s are a problem, and asked for again after an hour', async (_, code, error) => {
    const { phone, client } = await ready()
    ntf.script = ({ tag }) => (tag === 'SNEW' ? { tag: 'ERR', error } : undefined)
    phone.connect('second')
    const status = await until(client, ({ problem }) => problem !== null)
    expect(status).toMatchObject({ phase: 'subscribing', subscribed: 1, problem: { code, temporary: false } })
    await settled(() => phone.clock.delays.includes(3_600_000))
    expect(ntf.asked).toEqual(['SNEW'])
    ntf.script = () => undefined
    phone.clock.skip(3_600_000)
    await until(client, isReady(2))
  })

  it('of which some cannot be made for now are kept as far as they were', async () => {
    const { phone, client } = await ready({ connections: 0 })
    let asked = 0
    ntf.script = ({ tag }) => {
      if (tag !== 'SNEW' || asked++ % 2 === 0) return undefined
      return { tag: 'ERR', error: { code: 'STORE', text: '' } }
    }
    for (let i = 0; i < 5; i++) phone.connect(`${i}`)
    await until(client, ({ problem }) => problem?.code === 'NETWORK')
    await phone.skipUntil(() => isReady(5)(client.status))
    expect(ntf.subscriptions.size).toBe(5)
    expect(asked).toBeLessThan(15)
  })
})
