import { expect, test } from 'vitest'
import { isEventName, readParams, wantsNotification } from './events.js'

test('events are known by their exact names', () => {
  expect(isEventName('x.msg.new')).toBe(true)
  for (const name of ['x.msg', 'X.OK', 'x.ok ', '', 'constructor', '__proto__']) expect(isEventName(name)).toBe(false)
})

test('parameters are taken as listed: absent ones are null, others are left', () => {
  const profile = { displayName: 'a', fullName: '' }
  expect(readParams('x.contact', { profile, welcomeMsgId: 'x' })).toEqual({
    profile,
    contactReqId: null,
    content: null,
  })
  expect(readParams('x.ok', { anything: 1 })).toEqual({})
})

test('a parameter that is missing is named', () => {
  expect(() => readParams('x.msg.del', {})).toThrow('params.msgId: expected a string')
})

test('only a new message and the end of a contact wake a phone', () => {
  const names = ['x.info', 'x.contact', 'x.ok', 'x.msg.new', 'x.msg.update', 'x.msg.del', 'x.direct.del'] as const
  expect(names.filter(wantsNotification)).toEqual(['x.msg.new', 'x.direct.del'])
})
