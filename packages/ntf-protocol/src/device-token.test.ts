import { DecodeError } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type DeviceToken,
  type DeviceTokenJson,
  deviceTokenFromJson,
  deviceTokenFromText,
  deviceTokenToJson,
  deviceTokenToText,
  providerName,
  providerTag,
} from './device-token.js'
import { bytesOf, plain, vectors } from './testing/vectors.js'

const tokens = vectors<Record<string, unknown>, unknown>(
  'ntf-text',
  'roundtrip',
  'decode',
  'toJson',
  'fromJson',
).filter(([, { type }]) => type === 'deviceToken')
const ofText = tokens.filter(([, { op }]) => op === 'roundtrip' || op === 'decode')

test.each(ofText)('vector %s', (_, { text, value, error }) => {
  if (error) return expect(() => deviceTokenFromText(text)).toThrow(DecodeError)
  const token = deviceTokenFromText(text)
  expect(plain(token)).toEqual(value)
  expect(deviceTokenToText(token)).toBe(text)
})

test.each(tokens.filter(([, { op }]) => op === 'toJson'))('vector %s', (_, { in: input, out }) => {
  const { provider, token } = input as { provider: DeviceToken['provider']; token: string }
  expect({ json: deviceTokenToJson({ provider, token: bytesOf(token) }) }).toEqual(out)
})

test.each(tokens.filter(([, { op }]) => op === 'fromJson'))('vector %s', (_, { in: input, out, error }) => {
  if (error) return expect(() => deviceTokenFromJson(input.json)).toThrow(DecodeError)
  expect(plain(deviceTokenFromJson(input.json))).toEqual(out)
})

test('a token in JSON is any bytes, in text pairs of hex digits', () => {
  const provider = fc.constantFrom('AD', 'AP', 'AT', 'AN')
  fc.assert(
    fc.property(provider, fc.uint8Array({ maxLength: 255 }), (provider, token) => {
      expect(deviceTokenFromJson(deviceTokenToJson({ provider, token }))).toEqual({ provider, token })
      const hex = new TextEncoder().encode(Buffer.from(token).toString('hex'))
      expect(deviceTokenFromText(deviceTokenToText({ provider, token: hex }))).toEqual({ provider, token: hex })
    }),
  )
})

test('anything else is a DecodeError', () => {
  for (const json of [null, 1, [], {}, { pushProvider: 'apns_prod' }, { pushProvider: 1, token: 'ab' }]) {
    expect(() => deviceTokenFromJson(json)).toThrow(DecodeError)
  }
  const wide: DeviceTokenJson = { pushProvider: 'apns_test', token: 'ж' }
  expect(() => deviceTokenFromJson(wide)).toThrow(DecodeError)
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => deviceTokenFromText(text)).toThrow(DecodeError)
    }),
  )
})

test('names and letters of providers belong to each other, and no others are known', () => {
  expect(['AD', 'AP', 'AT', 'AN'].map((tag) => providerName(tag as 'AD'))).toEqual([
    'apns_dev',
    'apns_prod',
    'apns_test',
    'apns_null',
  ])
  expect(providerTag('apns_test')).toBe('AT')
  for (const name of ['AT', 'fcm', '', 'toString', '__proto__']) expect(providerTag(name)).toBeUndefined()
})
