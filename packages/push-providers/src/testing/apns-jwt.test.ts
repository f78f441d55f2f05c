import { createPrivateKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { type JwtAlgorithm, signJwt } from '../jwt.js'
import { apnsJwtJudge, newApnsKey } from './apns-jwt.js'

const minute = 60_000
const team = 'TEAM123456'
const key = newApnsKey(0)
const connection = {}
let now = Date.parse('2026-06-01')
const judge = () => apnsJwtJudge(team, key, () => now)

function sign({ by = key, keyId = key.id, iss = team, at = now, claims = {} } = {}) {
  const algorithm: JwtAlgorithm = 'ES256'
  return signJwt(createPrivateKey(by.pem), { algorithm, keyId }, { iss, iat: Math.floor(at / 1000), ...claims })
}

test('a JWT is good for an hour, and for clocks that differ by a minute', async () => {
  const jwt = await sign()
  const judged = judge()
  for (const at of [-minute, 0, 60 * minute]) {
    now += at
    expect(await judged(jwt, connection)).toBeUndefined()
    now -= at
  }
  now += 60 * minute + 1000
  expect(await judged(jwt, connection)).toEqual({ status: 403, reason: 'ExpiredProviderToken' })
})

test('a JWT of anybody else, and one from the future, are none', async () => {
  const invalid = { status: 403, reason: 'InvalidProviderToken' }
  const other = newApnsKey(1)
  for (const wrong of [{ by: other }, { keyId: other.id }, { iss: 'OTHER' }, { at: now + 2 * minute }]) {
    expect(await judge()(await sign(wrong), connection)).toEqual(invalid)
  }
  expect(await judge()('text', connection)).toEqual(invalid)
  expect(await judge()('', connection)).toEqual({ status: 403, reason: 'MissingProviderToken' })
})

test('a connection may change its JWT every 20 minutes', async () => {
  const judged = judge()
  const first = await sign()
  expect(await judged(first, connection)).toBeUndefined()
  now += 20 * minute - 1000
  const early = await sign()
  expect(await judged(early, connection)).toEqual({ status: 429, reason: 'TooManyProviderTokenUpdates' })
  expect(await judged(early, {})).toBeUndefined()
  now += 1000
  expect(await judged(await sign(), connection)).toBeUndefined()
  // What left before the change may come after it.
  expect(await judged(first, connection)).toBeUndefined()
})
