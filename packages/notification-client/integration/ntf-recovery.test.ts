// Spec 24 §1 (D11, D15, R7), §2 (Q1–Q3), 23 §6: subscriptions that come to an end, and rows of ours that are broken.
import type { SubscriptionRow } from '@smpkit/notification-server'
import { SmpPool } from '@smpkit/smp-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { untilStatus } from '../src/testing/service.js'
import { useNtf } from './support/ntf.js'
import { checkPush, notifierIds, pause, ready, type Talk, talk } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { subscriptionsOf, Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

/** The next message of each connection is pushed. */
async function allPush({ phone, peers }: Pick<Talk, 'phone' | 'peers'>): Promise<void> {
  for (const { connection, say } of peers) {
    const before = phone.count('message')
    await say('hello')
    await phone.untilPushed('message', before + 1)
    expect(await phone.told()).toBe(connection)
  }
}

describe('a subscription that has come to an end', () => {
  for (const status of ['ended', 'deleted', 'auth', 'error'] satisfies SubscriptionRow['status'][]) {
    it(`D11 is begun anew with another notifier where the server says ${status}`, async (context) => {
      const ntf = await target.one()
      const embedded = ntf.embedded(context, 'its database')
      const all = await talk(ntf, smp.first, { connections: 2 })
      const { phone, client } = all
      const [ids, notifiers] = [await subscriptionsOf(phone), await notifierIds(phone)]
      await embedded.changeSubscriptions({ status, reason: 'gone', nextAt: null })
      await client.received(checkPush)
      await phone.until(async () => (await subscriptionsOf(phone)).every((id) => !ids.includes(id)))
      await ready(client, 2)
      expect((await notifierIds(phone)).filter((id) => notifiers.includes(id))).toEqual([])
      await allPush(all)
    })
  }

  it('D11 is begun anew where the server does not know it any more', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const all = await talk(ntf, smp.first, { connections: 2 })
    const { phone, client } = all
    const [lost] = await embedded.subscriptions()
    await embedded.server.subscriptions.remove({ owner: lost?.owner ?? '', id: lost?.id ?? '' })
    await client.received(checkPush)
    await phone.until(async () => !(await subscriptionsOf(phone)).includes(lost?.id ?? ''))
    await ready(client, 2)
    expect(await embedded.subscriptions()).toHaveLength(2)
    await allPush(all)
  })

  it('D11 is begun anew where somebody else has taken its notifier over', async () => {
    const all = await talk(await target.one(), smp.first)
    const { phone, client, peers } = all
    const witness = await Witness.of(phone)
    const [id = ''] = await subscriptionsOf(phone)
    await phone.until(async () => (await witness.subscription(id)) === 'ACTIVE')
    const [notifier] = await phone.agent.notifiers(peers[0]?.connection ?? '')
    if (!notifier) throw new Error('expected a notifier')
    const thief = new SmpPool()
    onTestFinished(() => thief.close())
    const one = { id: notifier.notifierId, key: notifier.notifierKey }
    await thief.server(notifier.server).subscribe('notifications', [one])
    await phone.until(async () => (await witness.subscription(id)) === 'END')
    await phone.noPush(async () => {
      await peers[0]?.say('unheard')
      await phone.until(() => phone.messages.includes('unheard'))
    })
    await client.received(checkPush)
    await phone.until(async () => !(await subscriptionsOf(phone)).includes(id))
    await ready(client, 1)
    await allPush(all)
  })

  it('D11 is found when the application is opened', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const { client, phone, peers } = await talk(ntf, smp.first)
    await client.close()
    await embedded.changeSubscriptions({ status: 'deleted', nextAt: null })
    const again = await phone.again()
    await again.openReady(1)
    await again.until(async () => (await embedded.subscriptions()).every(({ status }) => status === 'active'))
    await allPush({ phone: again, peers })
  })

  it('D11 is found after a day without any push', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const begin = Date.now()
    const hurry = 1_000_000
    const client = {
      now: () => begin + hurry * (Date.now() - begin),
      clock: {
        now: () => performance.now() * hurry,
        schedule(callback: () => void, delay: number) {
          const timer = setTimeout(callback, delay / hurry)
          return () => clearTimeout(timer)
        },
      },
    }
    const all = await talk(ntf, smp.first, { client })
    const { phone } = all
    const [before] = await subscriptionsOf(phone)
    await embedded.changeSubscriptions({ status: 'ended', nextAt: null })
    await phone.until(async () => {
      const [id = before] = await subscriptionsOf(phone)
      return id !== before
    })
    await phone.until(async () => (await embedded.subscriptions()).every(({ status }) => status === 'active'))
    expect(phone.count('check')).toBe(0)
    await allPush(all)
  })

  it('D11 stays as it is while the server still tries', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const all = await talk(ntf, smp.first, { connections: 2 })
    const { phone, client } = all
    const [ids, notifiers] = [await subscriptionsOf(phone), await notifierIds(phone)]
    for (const status of ['pending', 'active'] as const) {
      await embedded.changeSubscriptions({ status })
      const { commands } = ntf.front
      await client.received(checkPush)
      await phone.until(() => ntf.front.commands > commands)
      await ready(client, 2)
      await pause(100)
    }
    expect(await subscriptionsOf(phone)).toEqual(ids)
    expect(await notifierIds(phone)).toEqual(notifiers)
    await allPush(all)
  })
})

describe('a server that takes no more', () => {
  it('is a problem that is shown, while those that it has push, and is asked again', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its limits')
    await embedded.restart({ limits: { subscriptionsNtf: 2 } })
    const { phone, friend, client, peers } = await talk(ntf, smp.first, { connections: 2 })
    const third = await phone.meet(friend)
    const { problem } = await untilStatus(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'LIMIT' })
    expect(client.status).toMatchObject({ wanted: 3, subscribed: 2 })
    await allPush({ phone, peers })
    await embedded.restart()
    await client.received(checkPush)
    await ready(client, 3)
    await allPush({ phone, peers: [...peers, third] })
  })
})

describe('a push that is none of the device', () => {
  it('is refused, and changes nothing', async () => {
    const ntf = await target.one()
    const all = await talk(ntf, smp.first)
    const other = await talk(ntf, smp.first)
    await allPush(other)
    const nonce = Buffer.alloc(24).toString('base64url')
    const strange = [null, {}, 'text', { nonce }, { nonce, message: '' }, { nonce, verification: nonce }]
    for (const one of [...other.phone.pushes, ...strange]) {
      await expect(all.client.received(one), JSON.stringify(one)).rejects.toMatchObject({ code: 'PUSH' })
    }
    await expect(all.phone.woken(other.phone.pushes.at(-1))).rejects.toMatchObject({ code: 'PUSH' })
    await allPush(all)
    expect(await (await Witness.of(all.phone)).token()).toBe('ACTIVE')
  })
})
