// Spec 23 §5, 24 D14: which pushes a client wants, at a server of ntf://.
import { beforeEach, describe, expect, it } from 'vitest'
import { ScriptedNtf } from './testing/ntf.js'
import { isReady, NtfPhone, settled, until } from './testing/ntf-phone.js'

let ntf: ScriptedNtf
beforeEach(() => {
  ntf = new ScriptedNtf()
})

const notifiersOf = ({ agent }: NtfPhone) => [...agent.notifiers.values()].filter((one) => one !== null).length

describe('the mode', () => {
  it('is instant at first, and stays what it was', async () => {
    const phone = new NtfPhone()
    const client = await phone.ready(ntf)
    expect(client.mode).toBe('instant')
    await client.setMode('periodic')
    await client.close()
    const again = await phone.open(ntf)
    expect(again.mode).toBe('periodic')
    await until(again, isReady(0))
    await again.close()
    expect((await phone.open(ntf, { mode: 'instant' })).mode).toBe('instant')
  })

  it('A19, D14: periodic ends all subscriptions and notifiers before the status is ready; instant has them again', async () => {
    const phone = new NtfPhone({ connections: 3 })
    phone.agent.notifiers.set('muted', null)
    const client = await phone.open(ntf)
    await until(client, isReady(3))
    await client.setMode('periodic')
    expect(client.status.phase).not.toBe('ready')
    await until(client, isReady(0))
    expect(ntf.subscriptions.size).toBe(0)
    expect(notifiersOf(phone)).toBe(0)
    expect(ntf.token).toMatchObject({ status: 'ACTIVE', minutes: 20 })
    await client.setMode('instant')
    await until(client, isReady(3))
    expect(ntf.subscriptions.size).toBe(3)
    expect(phone.agent.notifiers.get('muted')).toBeNull()
  })

  it('periodic removes the notifiers of connections that come later, too, and gives them back', async () => {
    const phone = new NtfPhone({ connections: 0 })
    const client = await phone.open(ntf, { mode: 'periodic', periodMinutes: 30 })
    await until(client, isReady(0))
    phone.connect('new')
    await settled(() => notifiersOf(phone) === 0)
    expect(ntf.asked).not.toContain('SNEW')
    expect(ntf.token.minutes).toBe(30)
    await client.setMode('instant')
    await until(client, isReady(1))
  })

  it('periodic remembers whose notifiers it has removed after all is switched off, and on again', async () => {
    const phone = new NtfPhone({ connections: 2 })
    const client = await phone.open(ntf, { mode: 'periodic' })
    await until(client, isReady(0))
    await client.unregister()
    const again = await phone.open(ntf, { mode: 'instant' })
    await until(again, isReady(2))
  })

  it('A19: off is none at all; on again, all is registered anew', async () => {
    const phone = new NtfPhone({ connections: 2 })
    const client = await phone.ready(ntf)
    const { id } = ntf.token
    await client.unregister()
    expect(ntf.tokens.size + ntf.subscriptions.size).toBe(0)
    const again = await phone.ready(ntf)
    expect(again.mode).toBe('instant')
    expect(ntf.token.id).not.toEqual(id)
    expect(ntf.subscriptions.size).toBe(2)
  })

  it('may change while the server is away', async () => {
    const phone = new NtfPhone({ connections: 2 })
    const client = await phone.ready(ntf)
    ntf.goAway()
    await client.setMode('periodic')
    await until(client, ({ problem }) => problem?.code === 'NETWORK')
    ntf.isAway = false
    await phone.skipUntil(() => isReady(0)(client.status))
    expect(ntf.subscriptions.size).toBe(0)
  })
})

describe('the period', () => {
  it('T6: that the server refuses does not stand in the way of subscriptions', async () => {
    const phone = new NtfPhone({ connections: 2 })
    const client = await phone.open(ntf, { periodMinutes: 5 })
    const { problem } = await until(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'LIMIT', temporary: false })
    expect(ntf.subscriptions.size).toBe(2)
  })

  it('T6: is 20 minutes unless another one is wanted, and may be none', async () => {
    const phone = new NtfPhone()
    const client = await phone.ready(ntf)
    expect(ntf.token.minutes).toBe(20)
    await client.close()
    const again = await phone.open(ntf, { periodMinutes: 0 })
    await settled(() => ntf.token.minutes === 0)
    await until(again, isReady(1))
  })
})
