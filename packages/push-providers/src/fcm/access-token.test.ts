import { createPrivateKey } from 'node:crypto'
import { Agent } from 'node:https'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FcmFake, startFcmFake } from '../testing/fcm-fake.js'
import { type AccessToken, accessToken } from './access-token.js'

const signal = new AbortController().signal
let now = Date.parse('2026-06-01')
const clock = () => now
let fake: FcmFake
let agent: Agent
let access: AccessToken

beforeEach(async () => {
  fake = await startFcmFake({ clock })
  const { serviceAccount, ca } = fake.options
  const { client_email: email, private_key, private_key_id: keyId, token_uri } = serviceAccount
  agent = new Agent({ ca: [ca].flat() })
  const [key, tokenUri] = [createPrivateKey(private_key), new URL(token_uri)]
  access = accessToken({ agent, email, key, keyId, tokenUri, timeoutMs: 5000, clock })
})
afterEach(async () => {
  access.close()
  agent.destroy()
  await fake.close()
})

test('all who wait get one token, and it is kept until five minutes before its end', async () => {
  const [first, ...others] = await Promise.all([access.get(signal), access.get(signal), access.get(signal)])
  expect(first).toEqual({ token: expect.any(String) })
  expect(others).toEqual([first, first])
  now += 3_299_000
  expect(await access.get(signal)).toEqual(first)
  now += 1000
  expect(await access.get(signal)).not.toEqual(first)
  expect(fake.grants).toBe(2)
})

test('only the token that is kept is forgotten', async () => {
  const first = await access.get(signal)
  access.forget('another one')
  expect(await access.get(signal)).toEqual(first)
  if ('token' in first) access.forget(first.token)
  const second = await access.get(signal)
  expect(second).not.toEqual(first)
  if ('token' in first) access.forget(first.token)
  expect(await access.get(signal)).toEqual(second)
  expect(fake.grants).toBe(2)
})

test.each([
  ['refused', 'refused'],
  ['unfit', 'unfit'],
  ['away', 'away'],
] as const)('an answer that is %s is told, and not kept', async (answer, failed) => {
  fake.answerGrants(answer)
  expect(await access.get(signal)).toEqual({ failed })
  fake.answerGrants('granted')
  expect(await access.get(signal)).toEqual({ token: expect.any(String) })
})

test('an abort ends the wait of one, the end that of all', async () => {
  fake.answerGrants('hang')
  const abort = new AbortController()
  const waiting = [access.get(abort.signal), access.get(signal)]
  abort.abort()
  expect(await waiting[0]).toEqual({ failed: 'aborted' })
  access.close()
  expect(await waiting[1]).toEqual({ failed: 'aborted' })
  expect(await access.get(AbortSignal.abort())).toEqual({ failed: 'aborted' })
})
