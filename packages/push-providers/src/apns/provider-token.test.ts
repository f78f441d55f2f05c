import { expect, it, test } from 'vitest'
import { registeredAt, retry, sendingTo, start } from '../testing/apns-sending.js'

const minute = 60_000
const accepted = { outcome: 'accepted' }

/** Both sides live by `clock.now`. */
async function startAt(now: number, random = 0.5) {
  const clock = { now }
  const options = { clock: () => clock.now, random: () => random }
  const sending = await start(options, { clock: () => clock.now })
  const jwts = () => new Set(sending.fake.pushes.map(({ jwt }) => jwt)).size
  return { ...sending, clock, jwts, options }
}

test.each([
  [0, 30],
  [0.5, 40],
  [0.99, 49.8],
])('a JWT is used for 30 to 50 minutes: with a random number of %d, %d minutes', async (random, minutes) => {
  const { send, clock, jwts } = await startAt(registeredAt, random)
  await send()
  clock.now += (minutes - 0.01) * minute
  await send()
  expect(jwts()).toBe(1)
  clock.now += 0.02 * minute
  expect(await send()).toEqual(accepted)
  expect(jwts()).toBe(2)
})

it('is renewed once when it is refused after more than 20 minutes, also for many pushes', async () => {
  const { fake, send, clock, jwts } = await startAt(registeredAt)
  await send()
  clock.now += 21 * minute
  const old = fake.pushes[0]?.jwt
  fake.answer(({ jwt }) => (jwt === old ? { status: 403, reason: 'ExpiredProviderToken' } : 'accepted'))
  expect(await Promise.all([send(), send(), send()])).toEqual([accepted, accepted, accepted])
  expect(jwts()).toBe(2)
})

it.each(['ExpiredProviderToken', 'InvalidProviderToken'])(
  'pauses all pushes on %s while it is young',
  async (reason) => {
    const { fake, send, clock, jwts } = await startAt(registeredAt)
    const pause = retry(reason, { afterMs: minute, all: true })
    fake.answer({ status: 403, reason })
    expect(await send()).toEqual(pause)
    expect(fake.pushes).toHaveLength(1)
    clock.now += 19 * minute
    expect(await send()).toEqual(pause)
    expect(jwts()).toBe(1)
    clock.now += 2 * minute
    expect(await send()).toEqual(pause)
    expect(jwts()).toBe(2)
  },
)

it('pauses all pushes when the key was replaced; a provider with the new key sends', async () => {
  const { fake, send, options } = await startAt(registeredAt)
  await send()
  fake.rotateKey()
  expect(await send()).toMatchObject({ outcome: 'retry', reason: 'InvalidProviderToken', all: true })
  const { provider: next, send: sendByNext } = sendingTo(fake, options)
  expect(await sendByNext()).toEqual(accepted)
  await next.close()
})

it('is not kept when the clock is set back, as it is from the future then', async () => {
  const { send, clock, jwts } = await startAt(registeredAt)
  await send()
  clock.now -= 60 * minute
  expect(await send()).toEqual(accepted)
  expect(jwts()).toBe(2)
})

it('is kept when the clock is corrected a little, as often as that may be', async () => {
  const { send, clock, jwts } = await startAt(registeredAt)
  await send()
  for (let i = 0; i < 10; i++) {
    clock.now -= 5000
    expect(await send()).toEqual(accepted)
  }
  expect(jwts()).toBe(1)
})
