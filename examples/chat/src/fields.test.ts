import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChatError } from './errors.js'
import { content, id, optional, profile } from './fields.js'

const invalid = (message: string) => expect.objectContaining({ code: 'INVALID', message })

describe('a profile', () => {
  test('has a display name and a full name, which may be empty or absent', () => {
    expect(profile({ displayName: 'echo', fullName: '' }, 'profile')).toEqual({ displayName: 'echo', fullName: '' })
    expect(profile({ displayName: 'echo' }, 'profile')).toEqual({ displayName: 'echo', fullName: '' })
    expect(profile({ displayName: 'a#@', fullName: '#@' }, 'profile')).toEqual({ displayName: 'a#@', fullName: '#@' })
  })

  test('keeps what we do not know', () => {
    const written = JSON.parse(
      '{"displayName":"a","fullName":"b","image":"data:image/png;base64,AA==","contactLink":null,"new":{"x":[1]},"__proto__":{"y":1}}',
    )
    expect(JSON.stringify(profile(written, 'profile'))).toBe(JSON.stringify(written))
    expect(Object.getPrototypeOf(profile(written, 'profile'))).toBe(Object.prototype)
  })

  test.each(['', '#group', '@name'])('has no display name %j', (displayName) => {
    expect(() => profile({ displayName, fullName: '' }, 'profile')).toThrow(
      invalid('profile.displayName: expected a name that is not empty and does not begin with # or @'),
    )
  })

  test('is an object with texts', () => {
    for (const value of [undefined, null, 'echo', [], 1]) {
      expect(() => profile(value, 'profile')).toThrow(invalid('profile: expected an object'))
    }
    expect(() => profile({}, 'profile')).toThrow(invalid('profile.displayName: expected a string'))
    expect(() => profile({ displayName: 'a', fullName: 1 }, 'profile')).toThrow(
      invalid('profile.fullName: expected a string'),
    )
  })
})

describe('a content', () => {
  test.each(['text', 'link', 'image', 'video', 'voice', 'file', 'from the future'])('of type %j has a text', (type) => {
    expect(content({ type, text: 'hello', image: 'data:' }, 'content')).toEqual({ type, text: 'hello' })
    expect(() => content({ type }, 'content')).toThrow(invalid('content.text: expected a string'))
  })

  test('has a type', () => {
    expect(() => content({ text: 'hello' }, 'content')).toThrow(invalid('content.type: expected a string'))
  })
})

describe('an id', () => {
  test('is base64url, and one text however it was padded', () => {
    expect(id('YWJjZGVmZ2hpamts', 'msgId')).toBe('YWJjZGVmZ2hpamts')
    expect(id('YQ', 'msgId')).toBe(id('YQ==', 'msgId'))
  })

  test.each(['', 'YQ=', 'Y', 'a+/b', 'YR==', 'a b', 'A'.repeat(68)])('is not %j', (value) => {
    expect(() => id(value, 'msgId')).toThrow(invalid('msgId: expected base64url of at most 64 characters'))
  })
})

test('an optional field may be absent or null, but not of another type', () => {
  expect(optional(id)(undefined, 'msgId')).toBeNull()
  expect(optional(id)(null, 'msgId')).toBeNull()
  expect(() => optional(id)(0, 'msgId')).toThrow(invalid('msgId: expected a string'))
})

test('any value is read or refused with a ChatError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(profile, content, id, optional(id)), (value, field) => {
      try {
        field(value, 'value')
      } catch (error) {
        expect(error).toBeInstanceOf(ChatError)
      }
    }),
  )
})
