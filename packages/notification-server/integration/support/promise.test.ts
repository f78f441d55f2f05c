// Spec 30 §6: the judge itself is judged.
import { describe, expect, it } from 'vitest'
import { type JudgedPush, judge } from './promise.js'

const push = (more: Partial<JudgedPush> = {}): JudgedPush => ({
  device: 'phone',
  id: 'id',
  kind: 'message',
  accepted: true,
  items: [],
  ...more,
})
const items = [{ queue: 'q', message: 'm1' }]
const unread = { message: 'm1', at: 1 }
const undiscovered = (pushes: JudgedPush[]) => judge([{ queue: 'q', device: 'phone', unread }], pushes).undiscovered

describe('a message is discovered', () => {
  it('by a push that names it, whenever that came', () => {
    expect(undiscovered([push({ items })])).toEqual([])
  })
  it('by a later push that names its queue, or tells to check', () => {
    expect(undiscovered([push(), push({ items: [{ queue: 'q', message: 'm0' }] })])).toEqual([])
    expect(undiscovered([push(), push({ kind: 'check' })])).toEqual([])
  })
  it('not by an earlier push about its queue, or to check', () => {
    expect(undiscovered([push({ items: [{ queue: 'q', message: 'm0' }] })])).toEqual(['q'])
    expect(undiscovered([push({ kind: 'check' })])).toEqual(['q'])
  })
  it('not by a push that was not accepted, to another device or about another queue', () => {
    expect(undiscovered([push({ items, accepted: false })])).toEqual(['q'])
    expect(undiscovered([push({ items, device: 'other' })])).toEqual(['q'])
    expect(undiscovered([push(), push({ items: [{ queue: 'r', message: 'm1' }] })])).toEqual(['q'])
    expect(undiscovered([push(), push({ kind: 'verification' })])).toEqual(['q'])
  })
})

it('counts accepted pushes that carry again what was accepted', () => {
  const again = { ...push({ items }), id: 'other' }
  expect(judge([], [push({ items }), again, again]).duplicates).toBe(2)
  expect(judge([], [push({ items, accepted: false }), again]).duplicates).toBe(0)
})
