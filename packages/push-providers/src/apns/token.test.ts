import { expect, test } from 'vitest'
import { DeviceTokenError } from '../errors.js'
import { readApnsToken } from './token.js'

test.each(['ab'.repeat(32), '09'.repeat(100)])('is a token: %s', (token) => expect(readApnsToken(token)).toBe(token))

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
