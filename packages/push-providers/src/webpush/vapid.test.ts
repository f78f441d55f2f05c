import { createPublicKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { ProviderConfigError } from '../errors.js'
import { generateVapidKeys, readVapidKeys } from './keys.js'
import { vapidAuthorization } from './vapid.js'

const keys = generateVapidKeys()
const options = { ...keys, subject: 'mailto:operator@example.org' }
const hour = 3_600_000
const start = Date.UTC(2026, 0, 1)

describe('VAPID', () => {
  it('is signed for one origin, with a contact, for less than a day', async () => {
    const header = await vapidAuthorization(options, () => start)('https://push.example')
    const [, jwt = '', key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header) ?? []
    expect(key).toBe(keys.publicKey)
    const { payload, protectedHeader } = await jwtVerify(jwt, createPublicKey(readVapidKeys(keys)), {
      audience: 'https://push.example',
      currentDate: new Date(start),
    })
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT' })
    expect(payload.sub).toBe(options.subject)
    expect((payload.exp ?? 0) - start / 1000).toBe(12 * 3600)
    expect(Buffer.from(jwt.split('.')[2] ?? '', 'base64url').length).toBe(64)
  })

  it('is used again for its origin, and renewed an hour before its end or when the clock went back', async () => {
    let now = start
    const authorization = vapidAuthorization(options, () => now)
    const first = await authorization('https://a.example')
    expect(await authorization('https://b.example')).not.toBe(first)
    now += 10 * hour
    expect(await authorization('https://a.example')).toBe(first)
    now += hour
    const second = await authorization('https://a.example')
    expect(second).not.toBe(first)
    now = start - hour
    expect(await authorization('https://a.example')).not.toBe(second)
  })

  it('is kept for the last thousand origins', async () => {
    const authorization = vapidAuthorization(options, () => start)
    const first = authorization('https://0.example')
    for (let i = 1; i < 1000; i++) authorization(`https://${i}.example`)
    expect(authorization('https://0.example')).toBe(first)
    authorization('https://1000.example')
    expect(authorization('https://0.example')).not.toBe(first)
    await Promise.all([first, authorization('https://1000.example')])
  })

  it.each(['', 'operator@example.org', 'mailto:', 'http://example.org'])('needs a contact, not %j', (subject) => {
    expect(() => vapidAuthorization({ ...options, subject }, () => start)).toThrow(ProviderConfigError)
  })
})
