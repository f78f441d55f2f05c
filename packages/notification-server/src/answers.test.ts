import { describe, expect, test } from 'vitest'
import { Answers, type NewAnswer } from './answers.js'
import { defaultLimits } from './limits.js'
import { memoryStore } from './memory-store.js'
import { answerId } from './rows.js'
import { ManualClock } from './testing/manual-clock.js'

const hour = 3_600_000
const limits = { ...defaultLimits, answers: 3 }
const answer = (requestId: string, more: Partial<NewAnswer> = {}): NewAnswer => ({
  owner: 'owner',
  requestId,
  hash: new Uint8Array(32),
  state: 'owed',
  kept: true,
  body: Uint8Array.of(1),
  ...more,
})

function setUp() {
  const [store, clock] = [memoryStore(), new ManualClock()]
  const answers = new Answers(store, clock, limits)
  const give = async (requestId: string, more?: Partial<NewAnswer>) => {
    await answers.find(more?.owner ?? 'owner', requestId)
    await answers.sent(await answers.owe(answer(requestId, more)))
  }
  const ids = async () => (await store.page('answers', { limit: 99 })).map(({ id }) => id)
  return { store, clock, answers, give, ids }
}

const idsOf = (...requestIds: string[]) => requestIds.map((id) => answerId('owner', id))

describe('answers', () => {
  test('are kept for repetitions, only the newest of each owner', async () => {
    const { answers, give, ids } = setUp()
    for (const id of 'abcde') await give(id)
    await give('z', { owner: 'another' })
    expect(await ids()).toEqual([answerId('another', 'z'), ...idsOf('c', 'd', 'e')])
    expect(await answers.find('owner', 'a')).toBeUndefined()
    expect(await answers.find('owner', 'e')).toMatchObject({ state: 'sent' })
  })

  test('are removed once: a request costs no more after many others', async () => {
    const { store, clock } = setUp()
    let removed = 0
    const atomic: typeof store.atomic = (selection, change) =>
      store.atomic(selection, (rows) => {
        const decision = change(rows)
        removed += decision.changes.remove?.answers?.length ?? 0
        return decision
      })
    const answers = new Answers({ ...store, atomic }, clock, limits)
    for (let i = 0; i < 50; i++) {
      await answers.find('owner', `${i}`)
      await answers.sent(await answers.owe(answer(`${i}`)))
    }
    expect(removed).toBe(50 - limits.answers)
  })

  test('of an earlier process count as well', async () => {
    const { store, clock, give, ids } = setUp()
    for (const id of 'abc') {
      await give(id)
      await clock.advance(1)
    }
    const later = new Answers(store, clock, limits)
    await later.find('owner', 'd')
    await later.sent(await later.owe(answer('d')))
    expect(await ids()).toEqual(idsOf('b', 'c', 'd'))
  })

  test('that may be others later are forgotten when they are sent', async () => {
    const { give, ids } = setUp()
    await give('a', { kept: false })
    expect(await ids()).toEqual([])
  })

  test('are all dropped after their time, however many there are', async () => {
    const { store, clock, answers, give, ids } = setUp()
    for (let i = 0; i < 40; i++) for (const id of 'abc') await give(id, { owner: `owner ${i}` })
    await clock.advance(hour - 1)
    await answers.expire()
    expect(await ids()).toHaveLength(99)
    await clock.advance(1)
    await answers.expire()
    expect(await store.page('answers', { limit: 9 })).toEqual([])
  })

  test('that are owed are not dropped: they were not sent yet', async () => {
    const { clock, answers, ids } = setUp()
    await answers.owe(answer('a'))
    await clock.advance(2 * hour)
    await answers.expire()
    expect(await ids()).toEqual(idsOf('a'))
  })
})
