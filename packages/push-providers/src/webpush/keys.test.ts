import { describe, expect, it } from 'vitest'
import { DeviceTokenError, ProviderConfigError } from '../errors.js'
import { generateVapidKeys, generateWebPushKeys, readPublicKeys, readVapidKeys } from './keys.js'

const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)

describe('a device’s keys', () => {
  it('are read with and without padding', () => {
    const { p256dh, auth } = generateWebPushKeys()
    const read = readPublicKeys({ p256dh, auth })
    expect(read.p256dh.length).toBe(65)
    expect(read.auth.length).toBe(16)
    expect(readPublicKeys({ p256dh: `${p256dh}=`, auth: `${auth}==` })).toEqual(read)
  })

  it('are always 32, 65 and 16 bytes', () => {
    for (let i = 0; i < 300; i++) {
      const { privateKey, p256dh, auth } = generateWebPushKeys()
      expect([privateKey.length, p256dh.length, auth.length]).toEqual([43, 87, 22])
    }
  })

  const { p256dh, auth } = generateWebPushKeys()
  const point = Buffer.from(p256dh, 'base64url')
  const compressed = Buffer.concat([Buffer.of(2 + ((point[64] ?? 0) & 1)), point.subarray(1, 33)])
  const hybrid = Buffer.concat([Buffer.of(6 + ((point[64] ?? 0) & 1)), point.subarray(1)])
  it.each([
    ['nothing', undefined],
    ['an array', [p256dh, auth]],
    ['no auth', { p256dh }],
    ['no p256dh', { auth }],
    ['an auth of 15 bytes', { p256dh, auth: auth.slice(0, 20) }],
    ['an auth of 17 bytes', { p256dh, auth: Buffer.alloc(17).toString('base64url') }],
    ['a number', { p256dh, auth: 5 }],
    ['other text', { p256dh, auth: '!' }],
    ['a point beside the curve', { p256dh: flip(p256dh, 60), auth }],
    ['a compressed point', { p256dh: compressed.toString('base64url'), auth }],
    ['a hybrid point', { p256dh: hybrid.toString('base64url'), auth }],
    ['infinity', { p256dh: 'AA', auth }],
    ['zeros', { p256dh: Buffer.alloc(65).toString('base64url'), auth }],
  ])('are not %s', (_, keys) => expect(() => readPublicKeys(keys)).toThrow(DeviceTokenError))
})

describe('VAPID keys', () => {
  it('are a pair', () => {
    const keys = generateVapidKeys()
    expect(readVapidKeys(keys).asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
  })

  const keys = generateVapidKeys()
  it.each([
    ['of two pairs', { ...keys, privateKey: generateVapidKeys().privateKey }],
    ['without a private part', { ...keys, privateKey: '' }],
    ['with zero', { ...keys, privateKey: Buffer.alloc(32).toString('base64url') }],
    ['too short', { ...keys, privateKey: keys.privateKey.slice(0, 40) }],
    ['other text', { ...keys, publicKey: 'no key' }],
  ])('are refused %s, and not shown', (_, wrong) => {
    const shown = `.*${keys.privateKey}`
    expect(() => readVapidKeys(wrong)).toThrow(ProviderConfigError)
    expect(() => readVapidKeys(wrong)).not.toThrow(new RegExp(shown))
  })
})
