import { openDatabase } from 'example-chat'
import { beforeEach, describe, expect, it } from 'vitest'
import { History } from './history.js'

let history: History
beforeEach(async () => {
  history = new History((await openDatabase(undefined)).archive)
})

const texts = (...all: string[]) => all.map((text) => ({ msgId: text, text }))

describe('the history', () => {
  it('keeps each message once, by its number', async () => {
    expect(await history.add('a', 2, { at: 1, texts: texts('two') })).toBe(true)
    expect(await history.add('a', 1, { at: 2, texts: texts('one') })).toBe(true)
    expect(await history.add('a', 2, { at: 3, texts: texts('again') })).toBe(false)
    const last = (await history.last('a', 10)).map((entry) => entry.texts[0]?.text)
    expect(last).toEqual(['one', 'two'])
    expect(await history.last('b', 10)).toEqual([])
  })

  it('marks our messages, and never takes ✓✓ back', async () => {
    await history.add('a', 1, { at: 1, mark: 'queued', texts: texts('ours') })
    await history.add('a', 2, { at: 1, texts: texts('theirs') })
    expect(await history.mark('a', 1, 'received')).toMatchObject({ mark: 'received' })
    expect(await history.mark('a', 1, 'sent')).toBeUndefined()
    expect(await history.mark('a', 2, 'sent')).toBeUndefined()
    expect(await history.mark('a', 3, 'sent')).toBeUndefined()
    expect((await history.last('a', 2)).map(({ mark }) => mark)).toEqual(['received', undefined])
  })

  it("lets a peer change and delete their texts, and not ours or another's", async () => {
    await history.add('a', 1, { at: 1, mark: 'sent', texts: texts('ours') })
    await history.add('a', 2, { at: 1, texts: texts('one', 'two') })
    await history.add('b', 2, { at: 1, texts: texts('other') })
    expect(await history.change('a', 'one', 'new')).toBe(true)
    expect(await history.change('a', 'two', null)).toBe(true)
    expect(await history.change('a', 'ours', 'forged')).toBe(false)
    expect(await history.change('a', 'other', 'forged')).toBe(false)
    const all = [...(await history.last('a', 5)), ...(await history.last('b', 5))]
    expect(all.map((entry) => entry.texts.map(({ text }) => text))).toEqual([['ours'], ['new'], ['other']])
    await history.remove('a')
    expect([await history.last('a', 5), (await history.last('b', 5)).length]).toEqual([[], 1])
  })
})
