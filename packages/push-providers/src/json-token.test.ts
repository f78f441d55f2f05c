import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeviceTokenError } from './errors.js'
import { readJsonToken, readTokenBytes } from './json-token.js'

test('objects are read, and their JSON', () => {
  expect(readJsonToken({ a: 1 })).toEqual({ a: 1 })
  expect(readJsonToken('{"a":1}')).toEqual({ a: 1 })
  for (const none of [undefined, null, 1, [], '[]', 'null', '"text"']) expect(readJsonToken(none)).toEqual({})
})

test('members are those of the object itself', () => {
  expect(Object.hasOwn(readJsonToken(Object.create({ a: 1 })), 'a')).toBe(false)
  expect(readJsonToken('{"__proto__":{"a":1}}').a).toBeUndefined()
})

test('other texts are no tokens, and are not shown', () => {
  for (const text of ['', 'secret', '{"a":"secret"', `"${'secret'.repeat(1000)}"`]) {
    expect(() => readJsonToken(text)).toThrow(DeviceTokenError)
    expect(() => readJsonToken(text)).not.toThrow(/secret/)
  }
})

test('bytes are base64url', () => {
  expect(readTokenBytes('-_8', 'it')).toEqual(Uint8Array.of(0xfb, 0xff))
  expect(readTokenBytes('-_8=', 'it')).toEqual(Uint8Array.of(0xfb, 0xff))
  for (const none of [undefined, 1, '', '+/8=', 'a']) expect(() => readTokenBytes(none, 'it')).toThrow(DeviceTokenError)
})

test('anything is read or refused', () => {
  const read = (token: unknown) => {
    try {
      return typeof readJsonToken(token) === 'object'
    } catch (error) {
      return error instanceof DeviceTokenError
    }
  }
  fc.assert(fc.property(fc.oneof(fc.anything(), fc.string(), fc.json()), read))
})
