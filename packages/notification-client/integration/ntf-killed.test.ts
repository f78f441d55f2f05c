// Spec 24 §1 (T12, R5, R6), 23 §2: an application that is killed between any two steps comes to the same end, and leaves no token behind.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openAgentFile } from './support/agent-file.mjs'
import { type Ntf, useNtf } from './support/ntf.js'
import { newDeviceToken, openPerson, Phone } from './support/phone.js'
import { type Goal, PhoneProcess } from './support/phone-process.js'
import { useSmp } from './support/smp.js'

const smp = useSmp()
const target = useNtf()
const isFull = process.env.FULL_VOLUME === '1'
/** Of each kind of points so many are taken where not all of them are. */
const points = 1
const timeout = isFull ? 1_200_000 : 120_000

/** An agent with two connections, in a folder. */
async function prepared() {
  const folder = mkdtempSync(path.join(tmpdir(), 'phone-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const store = await openAgentFile(folder)
  const ntf = await target.one()
  const [phone, friend] = [await Phone.buy(ntf, { smp: smp.first, store }), await openPerson(smp.first)]
  const peers = [await phone.meet(friend), await phone.meet(friend)]
  const notified = async ({ connection }: (typeof peers)[number]) => (await phone.agent.notifiers(connection)).length
  await phone.until(async () => (await Promise.all(peers.map(notified))).every((count) => count === 1))
  await phone.stop()
  await store.close()
  return { ntf, folder, peers, friend }
}

type Prepared = Awaited<ReturnType<typeof prepared>>

/** A device is registered, gets another token, is periodic for a while, and is switched off. */
function goals(): Goal[] {
  const [first, second] = [newDeviceToken(), newDeviceToken()]
  return [
    { token: first, mode: 'instant', subscribed: 2 },
    { token: second, mode: 'instant', subscribed: 2 },
    { token: second, mode: 'periodic', subscribed: 0 },
    { token: second, mode: 'instant', subscribed: 2 },
    { token: null, mode: 'instant', subscribed: 0 },
  ]
}

interface Fault {
  readonly when: 'before' | 'after'
  /** The process kills itself at this write, or is killed at this command. */
  readonly write?: number
  readonly command?: number
}

/** How many writes and commands it took, and whether it was killed. */
async function live({ ntf, folder, peers, friend }: Prepared, { when, write = 0, command }: Fault) {
  const job = { folder, smp: smp.first.address }
  let phone: PhoneProcess | undefined
  let [kills, writes] = [0, 0]
  const before = ntf.front.commands
  if (command !== undefined) {
    void ntf.front.cut(when, command).then(async () => {
      kills++
      await phone?.kill()
    })
  }
  for (const goal of goals()) {
    let reached: number | undefined
    if (phone?.isAlive) reached = await phone.reached(goal)
    else {
      phone = new PhoneProcess(ntf, { ...job, goal, when, dieAt: kills === 0 ? write : 0 })
      reached = await phone.reached()
    }
    while (reached === undefined) {
      if (command === undefined) kills++
      phone = new PhoneProcess(ntf, { ...job, goal })
      reached = await phone.reached()
    }
    writes = reached
    if (goal.token !== null && goal.subscribed > 0) await pushed(ntf, goal.token, { peers, friend })
  }
  await phone?.ended
  return { writes, commands: ntf.front.commands - before, kills }
}

async function pushed(ntf: Ntf, token: string, { peers, friend }: Pick<Prepared, 'peers' | 'friend'>): Promise<void> {
  const count = () => ntf.log.of(token).filter(({ body }) => 'message' in JSON.parse(body).notificationData).length
  for (const { say } of peers) {
    const before = count()
    await say('hello')
    await friend.until(() => count() > before)
  }
}

const from1 = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** So many of them may be saved, as when one check tells of two changes. */
const spare = 2

/** All points, or as many of each kind as are taken, others each time. */
function faultsOf({ writes, commands }: { readonly writes: number; readonly commands: number }): Fault[] {
  const some = (count: number) => {
    if (isFull) return from1(count)
    return from1(points).map((i) => 1 + Math.floor(((i - Math.random()) * count) / points))
  }
  return (['before', 'after'] as const).flatMap((when) => [
    ...some(writes - spare).map((write) => ({ when, write })),
    ...some(commands - spare).map((command) => ({ when, command })),
  ])
}

describe('a client that is killed', () => {
  it(
    'T12 before or after a write or a command comes to the same end, and leaves no token behind',
    async (context) => {
      const all = await prepared()
      const embedded = all.ntf.embedded(context, 'its database')
      const { kills, ...counts } = await live(all, { when: 'before' })
      expect(kills).toBe(0)
      for (const fault of faultsOf(counts)) {
        const where = `${JSON.stringify(fault)} of ${JSON.stringify(counts)}`
        expect(await live(all, fault), where).toMatchObject({ kills: 1 })
        expect(await embedded.tokens(), where).toEqual([])
        expect(await embedded.subscriptions(), where).toEqual([])
      }
    },
    timeout,
  )
})
