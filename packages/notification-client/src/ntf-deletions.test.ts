// Spec 23 §2, §7: tokens that are still to be deleted.
import { randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { type Clock, systemClock } from '@smpkit/service-protocol'
import { expect, it, onTestFinished } from 'vitest'
import { freshDevice } from './device-secret.js'
import { NtfDeletions } from './ntf-deletions.js'
import { memoryState, Records } from './state.js'
import { ScriptedNtf } from './testing/ntf.js'
import { NtfPhone, StillClock, settled } from './testing/ntf-phone.js'

const day = 24 * 3_600_000
const { authKey } = freshDevice({ provider: 'apns_test', token: 'ab' })
const newId = () => toBase64url(randomBytes(24))

async function deletions(records: Records, ntf: ScriptedNtf, clock: Clock = systemClock) {
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  const { signal } = ending
  return new NtfDeletions({ records, ntf: ntf.ntf, clock, random: () => 0.5, now: () => 30 * day, signal })
}

it('R6: what a server refuses, and what is older than 21 days, is given up; the rest is tried again, later and later', async () => {
  const [ntf, away] = [new ScriptedNtf(), new ScriptedNtf()]
  away.isAway = true
  const records = new Records(memoryState())
  const left = newId()
  await records.deletions.put(left, { address: away.address, authKey, since: 9.1 * day })
  await records.deletions.put(newId(), { address: away.address, authKey, since: 9 * day })
  await records.deletions.put(newId(), { address: ntf.address, authKey, since: 30 * day })
  const clock = new StillClock()
  const waiting = () => Math.max(0, ...clock.delays)
  await deletions(records, ntf, clock)
  await settled(async () => (await records.deletions.all()).size === 1 && waiting() > 0)
  expect([...(await records.deletions.all()).keys()]).toEqual([left])
  expect(ntf.asked).toEqual(['TDEL'])
  expect(waiting()).toBe(3750)
  clock.skip()
  await settled(() => waiting() > 3750)
  away.isAway = false
  clock.skip()
  await settled(async () => (await records.deletions.all()).size === 0)
  expect(away.asked).toEqual(['TDEL'])
})

it('R6: a token that cannot be deleted now is deleted when it is told of another one', async () => {
  const ntf = new ScriptedNtf()
  const phone = new NtfPhone()
  await phone.ready(ntf).then((client) => client.close())
  const record = await new Records(phone.state).device.get()
  const one = await deletions(new Records(memoryState()), ntf)
  await one.add(record?.token?.id ?? '', { address: ntf.address, authKey: record?.authKey ?? '' })
  await settled(() => ntf.tokens.size === 0)
})

it('an address or a key that cannot be used is given up', async () => {
  const ntf = new ScriptedNtf()
  const records = new Records(memoryState())
  await records.deletions.put(newId(), { address: 'ntf://', authKey, since: 30 * day })
  await records.deletions.put(newId(), { address: ntf.address, authKey: 'AAAA', since: 30 * day })
  await records.deletions.put('no id', { address: ntf.address, authKey, since: 30 * day })
  await deletions(records, ntf)
  await settled(async () => (await records.deletions.all()).size === 0)
})
