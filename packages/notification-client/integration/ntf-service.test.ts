// Spec 24 §2 (A26), §1 (D9), 22 §4: the notification server becomes a service of the SMP server, and stops being one; clients see nothing of it.
import type { LogEntry } from '@smpkit/smp-server'
import { expect, it } from 'vitest'
import { useNtf } from './support/ntf.js'
import { ready, talk } from './support/phone.js'
import { embeddedSmp } from './support/smp.js'

const target = useNtf()

/** Without service certificates, and with them. */
const versions = { before: { min: 14, max: 15 }, since: { min: 14, max: 20 } }

it('A26 all queues push in each of five sessions, as the service comes and goes', async (context) => {
  const ntf = await target.one()
  const embedded = ntf.embedded(context, 'its options')
  const entries: LogEntry[] = []
  const smp = await embeddedSmp({ log: (entry) => void entries.push(entry) })
  /** Commands of the notification server in this session. */
  const commands = (tag: string) => entries.filter((one) => one.direction === 'received' && one.tag === tag).length

  const session = async (serviceCertificates: boolean, versionRange: { min: number; max: number }) => {
    await embedded.stop()
    await smp.stop()
    entries.length = 0
    await smp.start({ versionRange })
    await embedded.start({ serviceCertificates })
  }
  const subscribed = (count: number) => phone.until(async () => (await activeOf()).length === count)
  const activeOf = async () => (await embedded.subscriptions()).filter(({ status }) => status === 'active')
  const byService = async () => (await activeOf()).filter((row) => row.byService).length

  await session(false, versions.since)
  const { phone, friend, client, peers } = await talk(ntf, smp, { connections: 2 })
  const all = [...peers]
  /** Each queue pushes its message, also one that is added. */
  async function allPush(): Promise<void> {
    await subscribed(all.length)
    all.push(await phone.meet(friend))
    await ready(client, all.length)
    await subscribed(all.length)
    for (const { connection, say } of all) {
      const before = phone.count('message')
      await say('hello')
      await phone.untilPushed('message', before + 1)
      expect(await phone.told()).toBe(connection)
    }
  }

  // Before there is a service; then the SMP server knows none.
  await allPush()
  await session(true, versions.before)
  await allPush()
  expect([commands('NSUB'), commands('NSUBS'), await byService()]).toEqual([4, 0, 0])

  // Both do: queues are given to the service.
  await session(true, versions.since)
  await allPush()
  expect([commands('NSUB'), commands('NSUBS'), await byService()]).toEqual([5, 0, 5])

  // It subscribes all at once.
  await session(true, versions.since)
  await subscribed(all.length)
  await phone.until(() => commands('NSUBS') === 1)
  await allPush()
  expect([commands('NSUB'), commands('NSUBS'), await byService()]).toEqual([1, 1, 6])

  // One by one again.
  await session(false, versions.since)
  await allPush()
  expect([commands('NSUB'), commands('NSUBS'), await byService()]).toEqual([7, 0, 0])

  await session(false, versions.before)
  await allPush()
  expect([commands('NSUB'), commands('NSUBS'), await byService()]).toEqual([8, 0, 0])
})
