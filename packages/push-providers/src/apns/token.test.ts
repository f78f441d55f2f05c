import { expect, test } from 'vitest'
import { DeviceTokenError } from '../errors.js'
import { readApnsToken, readTestToken } from './token.js'

test.each(['ab'.repeat(32), '09'.repeat(100)])('is a token: %s', (token) => {
  expect(readApnsToken(token)).toBe(token)
  expect(readTestToken(token)).toBe(token)
})

test.each([
  undefined,
  '',
  'ab'.repeat(31),
  'ab'.repeat(101),
  `${'ab'.repeat(32)}a`,
  'AB'.repeat(32),
  `${'ab'.repeat(32)}\n`,
  `${'ab'.repeat(32)}/..`,
  'zz'.repeat(32),
])('is no token: %j', (token) => expect(() => readApnsToken(token)).toThrow(DeviceTokenError))

test.each(['xyzw', 'test_ntf_token', 'A', '...', '../..', ' ', 'z'.repeat(255)])('is one for tests: %s', (token) =>
  expect(readTestToken(token)).toBe(token),
)

test.each([undefined, 1, '', '.', '..', 'z'.repeat(256), 'a\n', 'a\0', '\x7f', 'ü', '\ud800'])(
  'is none for tests either: %j',
  (token) => expect(() => readTestToken(token)).toThrow(DeviceTokenError),
)
