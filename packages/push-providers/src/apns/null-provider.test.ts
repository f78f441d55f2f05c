import { expect, test } from 'vitest'
import { DeviceTokenError } from '../errors.js'
import { push, retry } from '../testing/apns-sending.js'
import { nullProvider } from './null-provider.js'

const signal = new AbortController().signal

test('T9: it takes any tokens and all pushes, until it is closed', async () => {
  const provider = nullProvider('apns_null')
  expect(provider.name).toBe('apns_null')
  expect(provider.readToken('ab'.repeat(32))).toBe('ab'.repeat(32))
  expect(provider.readToken('test_ntf_token')).toBe('test_ntf_token')
  expect(() => provider.readToken('phone\n')).toThrow(DeviceTokenError)
  expect(await provider.send(push(), { signal })).toEqual({ outcome: 'accepted' })
  expect(await provider.send(push(), { signal: AbortSignal.abort() })).toEqual(retry('aborted'))
  await provider.close()
  await provider.close()
  expect(await provider.send(push(), { signal })).toEqual(retry('closed'))
})
