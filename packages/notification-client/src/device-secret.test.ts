import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { checkMessagesData, tokenSecret, verificationData } from '@smpkit/push-providers/payload'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { devicePublicKey, freshDevice, isSameDevice, openDevicePush, secretOf } from './device-secret.js'
import { NotificationClientError } from './errors.js'
import type { DeviceRecord } from './state.js'

const device = { provider: 'console', token: 'a phone' }
const code = randomBytes(32)

/** A registered device, and what its server encrypts with. */
function registered(record: DeviceRecord): { record: DeviceRecord; secret: Uint8Array } {
  const serverKey = PrivateKey.generate('x25519')
  const token = { id: 'id', dhKey: toBase64url(serverKey.publicKey.toDer()), device }
  return { record: { ...record, token }, secret: tokenSecret(serverKey, devicePublicKey(record)) }
}

describe('a push for a device', () => {
  it('opens with the secret that both sides have', () => {
    const { record, secret } = registered(freshDevice(device))
    expect(secretOf(record)).toEqual(secret)
    expect(openDevicePush(record, verificationData(secret, code))).toEqual({ kind: 'verification', code })
    expect(openDevicePush(record, checkMessagesData)).toEqual({ kind: 'check' })
  })

  it('opens with that of the registration before, also when there were more attempts in between', () => {
    const former = registered(freshDevice(device))
    const attempt = freshDevice(device, former.record)
    const { record, secret } = registered(freshDevice(device, attempt))
    expect(secret).not.toEqual(former.secret)
    for (const one of [secret, former.secret]) {
      expect(openDevicePush(record, verificationData(one, code))).toEqual({ kind: 'verification', code })
    }
  })

  it('waits for the key of the server', () => {
    const record = freshDevice(device)
    const { secret } = registered(record)
    expect(openDevicePush(record, verificationData(secret, code))).toBeNull()
  })

  it('is refused when it is for another, and without a device', () => {
    const { record } = registered(freshDevice(device))
    const { secret } = registered(freshDevice(device))
    const wrong = () => openDevicePush(record, verificationData(secret, code))
    expect(wrong).toThrow(expect.objectContaining({ code: 'PUSH', temporary: false }))
    expect(() => openDevicePush(undefined, verificationData(secret, code))).toThrow(NotificationClientError)
  })

  it('is refused when it is anything else', () => {
    const records = [undefined, freshDevice(device), registered(freshDevice(device)).record]
    const anything = fc.oneof(fc.anything(), fc.record({ nonce: fc.string(), message: fc.string() }))
    fc.assert(
      fc.property(anything, fc.constantFrom(...records), (value, record) => {
        try {
          expect(openDevicePush(record, value)).toBeNull()
        } catch (error) {
          expect(error).toBeInstanceOf(NotificationClientError)
        }
      }),
    )
  })
})

describe('a device', () => {
  it('is the same in whatever order its members are stored', () => {
    const keys = { p256dh: 'p', auth: 'a' }
    const one = { provider: 'webpush', token: { endpoint: 'https://push.example', keys } }
    const other = { token: { keys: { auth: 'a', p256dh: 'p' }, endpoint: 'https://push.example' }, provider: 'webpush' }
    expect(isSameDevice(one, other)).toBe(true)
    expect(isSameDevice(one, { ...one, token: { ...one.token, keys: { ...keys, auth: 'b' } } })).toBe(false)
    expect(isSameDevice(device, { ...device, provider: 'fcm' })).toBe(false)
  })
})
