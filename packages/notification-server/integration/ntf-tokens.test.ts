// Spec 20 §7, §12, 24 §1 T1–T5, T10, T11: tokens, from registration to deletion.
import { type AuthKey, PrivateKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { NtfCommand, NtfResponse } from '@smpkit/ntf-protocol'
import { tokenSecret } from '@smpkit/push-providers/payload'
import { describe, expect, test } from 'vitest'
import { until } from './support/in-process.js'
import { NtfDevice, newToken } from './support/ntf-device.js'
import { overNtfServers } from './support/ntf-target.js'

const none = new Uint8Array(0)

overNtfServers((target) => {
  test('T1: TNEW brings a code to the device, and TVFY with it makes the token ACTIVE', async () => {
    const device = await new NtfDevice(target).register()
    expect(device.tokenId).toHaveLength(24)
    expect(await device.code()).toHaveLength(32)
    expect(await device.words({ tag: 'TVFY', code: randomBytes(32) })).toBe('ERR AUTH')
    expect(await device.words({ tag: 'TVFY', code: none })).toBe('ERR AUTH')
    expect(await device.words({ tag: 'TVFY', code: (await device.code()).subarray(0, 31) })).toBe('ERR AUTH')
    expect(await device.status()).toMatch(/^TKN (REGISTERED|CONFIRMED)$/)
    expect(await device.verify()).toBe('OK')
    expect(await device.status()).toBe('TKN ACTIVE')
    expect(device.pushes()).toHaveLength(1)
  })

  test('T1: no number of wrong codes voids the right one (20 §12, 4)', async () => {
    const device = await new NtfDevice(target).register()
    const code = await device.code()
    for (let i = 0; i < 25; i++) expect(await device.words({ tag: 'TVFY', code: randomBytes(32) })).toBe('ERR AUTH')
    expect(await device.words({ tag: 'TVFY', code })).toBe('OK')
    expect(device.codes()).toHaveLength(1)
  })

  describe('T2: TNEW again', () => {
    test('T2: gives the same id, key and code, each time freshly encrypted, and either push is of use', async () => {
      const device = new NtfDevice(target)
      const answers: NtfResponse[] = []
      for (let count = 1; count <= 2; count++) {
        const answer = await device.ask(device.tnew, none)
        if (answer.tag === 'IDTKN') device.secret = tokenSecret(device.dhKey, answer.dhKey)
        answers.push(answer)
        await device.code(count)
      }
      const [first, again] = answers.map((one) => (one.tag === 'IDTKN' ? one : undefined))
      expect(first && toHex(first.tokenId)).toBe(again && toHex(again.tokenId))
      expect(first?.dhKey.toDer()).toEqual(again?.dhKey.toDer())
      await device.register()
      await device.code(3)
      const [code] = device.codes()
      expect(new Set(device.codes().map(toHex)).size).toBe(1)
      const nonces = device.pushes().map(({ body }) => JSON.parse(body).notificationData.nonce)
      expect(new Set(nonces).size).toBe(3)
      expect(await device.words({ tag: 'TVFY', code: code as Uint8Array })).toBe('OK')
    })

    test('T2: of an active token pushes again, and it stays ACTIVE', async () => {
      const device = await new NtfDevice(target).activate()
      const id = toHex(device.tokenId)
      await device.register()
      await device.code(2)
      expect([toHex(device.tokenId), await device.status()]).toEqual([id, 'TKN ACTIVE'])
    })

    test('T2: over another connection is the same', async () => {
      const device = await new NtfDevice(target).register()
      const id = toHex(device.tokenId)
      await device.use(await target.connect()).register()
      expect(toHex(device.tokenId)).toBe(id)
    })

    test('T2: with another DH key is AUTH, and changes nothing (20 §12, 2)', async () => {
      const device = await new NtfDevice(target).activate()
      const dhKey = PrivateKey.generate('x25519').publicKey
      expect(await device.words({ ...device.tnew, dhKey }, none)).toBe('ERR AUTH')
      expect(await device.status()).toBe('TKN ACTIVE')
      expect(device.codes()).toHaveLength(1)
    })

    test('T2: signed by another key than that in it is AUTH (20 §12, 2)', async () => {
      const device = await new NtfDevice(target).register()
      const { authKey } = new NtfDevice(target)
      expect(await device.words(device.tnew, none, authKey)).toBe('ERR AUTH')
      expect(await device.words({ ...device.tnew, authKey: authKey.publicKey as AuthKey }, none)).toBe('ERR AUTH')
    })
  })

  test('T3: registrations of a device with other keys live side by side until one of them is verified', async () => {
    const first = await new NtfDevice(target).activate()
    const queue = await target.newQueue()
    const subscription = await first.subscribed(queue)
    const second = await new NtfDevice(target, { token: first.token }).register()
    const third = await new NtfDevice(target, { token: first.token }).register()
    expect(new Set([first, second, third].map(({ tokenId }) => toHex(tokenId))).size).toBe(3)
    await until(() => first.pushes().length === 3)
    await second.untilStatus('TKN CONFIRMED')
    expect(await first.status()).toBe('TKN ACTIVE')

    // Each can open its own pushes alone.
    const codeFor = ({ pushes, opened }: { pushes: NtfDevice; opened: number }) =>
      pushes.opened(pushes.pushes().slice(opened, opened + 1))[0]
    const code = codeFor({ pushes: second, opened: 1 })
    if (code?.kind !== 'verification') throw new Error('expected a verification push')
    expect(() => codeFor({ pushes: second, opened: 0 })).toThrow()
    expect(await second.words({ tag: 'TVFY', code: code.code })).toBe('OK')
    expect(await second.status()).toBe('TKN ACTIVE')
    for (const other of [first, third]) {
      expect(await other.status()).toBe('ERR AUTH')
      expect(await other.words({ tag: 'TDEL' })).toBe('ERR AUTH')
    }
    expect(await first.subscription(subscription)).toBe('ERR AUTH')
    // The queue is free for others.
    await second.subscribed(queue)
  })

  describe('T4: TRPL', () => {
    test('T4: keeps id and subscriptions, sends a new code to the new token, and nothing to the old one', async () => {
      const device = await new NtfDevice(target).activate()
      const queue = await target.newQueue()
      const subscription = await device.subscribed(queue)
      const { token: old } = device
      const [code] = device.codes()
      expect(await device.replace(newToken())).toBe('OK')
      expect(await device.code()).not.toEqual(code)
      expect(await device.words(device.snew(await target.newQueue()), none)).toBe('ERR AUTH')
      expect(await device.words({ tag: 'TVFY', code: code as Uint8Array })).toBe('ERR AUTH')
      expect(await device.verify()).toBe('OK')
      expect(await device.subscription(subscription)).toBe('SUB ACTIVE')
      await queue.send()
      await device.untilTold(queue)
      expect(target.pushes.of(old)).toHaveLength(1)
    })

    test('T4: again makes another code each time (20 §12, 6)', async () => {
      const device = await new NtfDevice(target).activate()
      const token = newToken()
      expect(await device.replace(token)).toBe('OK')
      const first = await device.code()
      expect(await device.replace(token)).toBe('OK')
      const second = await device.code(2)
      expect(second).not.toEqual(first)
      expect(await device.words({ tag: 'TVFY', code: first })).toBe('ERR AUTH')
      expect(await device.words({ tag: 'TVFY', code: second })).toBe('OK')
    })

    test('T4: by the same device token is allowed: another code, to be verified (20 §12, 6)', async () => {
      const device = await new NtfDevice(target).activate()
      const first = await device.code()
      expect(await device.replace(device.token)).toBe('OK')
      expect(await device.code(2)).not.toEqual(first)
      expect(await device.status()).toMatch(/^TKN (REGISTERED|CONFIRMED)$/)
      expect(await device.verify()).toBe('OK')
    })

    test('T4: by a device token that the same key has registered is AUTH, and changes nothing', async (context) => {
      // The reference answers nothing.
      target.embedded(context)
      const first = await new NtfDevice(target).activate()
      const second = await new NtfDevice(target, { client: first }).register()
      expect(second.tokenId).not.toEqual(first.tokenId)
      const command = { tag: 'TRPL', provider: first.provider, token: Buffer.from(first.token) } as const
      expect(await second.words(command)).toBe('ERR AUTH')
      expect(await first.status()).toBe('TKN ACTIVE')
      expect(await second.status()).toMatch(/^TKN (REGISTERED|CONFIRMED)$/)
      expect(await second.verify()).toBe('OK')
    })

    test('T4: by a device token that another key has registered is allowed', async () => {
      const [device, other] = [await new NtfDevice(target).activate(), await new NtfDevice(target).register()]
      await until(() => other.pushes().length === 1)
      expect(await device.replace(other.token)).toBe('OK')
      await until(() => other.pushes().length === 2)
      const [push] = device.opened(device.pushes().slice(1))
      if (push?.kind !== 'verification') throw new Error('expected a verification push')
      expect(await device.words({ tag: 'TVFY', code: push.code })).toBe('OK')
      expect(await other.status()).toBe('ERR AUTH')
    })
  })

  test('T5: TDEL removes the token with its subscriptions; all that comes then is AUTH', async () => {
    const device = await new NtfDevice(target).activate()
    const queue = await target.newQueue()
    const subscription = await device.subscribed(queue)
    const code = await device.code()
    expect(await device.words({ tag: 'TDEL' })).toBe('OK')
    const commands: NtfCommand[] = [
      { tag: 'TVFY', code },
      { tag: 'TCHK' },
      { tag: 'TRPL', provider: device.provider, token: Buffer.from(newToken()) },
      { tag: 'TCRN', minutes: 20 },
      { tag: 'TDEL' },
    ]
    for (const command of commands) expect(await device.words(command)).toBe('ERR AUTH')
    expect(await device.words(device.snew(queue), none)).toBe('ERR AUTH')
    expect(await device.words({ tag: 'SCHK' }, subscription)).toBe('ERR AUTH')
    expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('ERR AUTH')
    const pushes = device.pushes().length
    await queue.send()
    await target.quiet()
    expect(device.pushes()).toHaveLength(pushes)
    // It begins anew.
    const { tokenId } = device
    await device.register()
    expect(device.tokenId).not.toEqual(tokenId)
  })

  test('T10: subscriptions are for verified tokens', async () => {
    const device = await new NtfDevice(target).register()
    const queue = await target.newQueue()
    expect(await device.words(device.snew(queue), none)).toBe('ERR AUTH')
    expect(await device.verify()).toBe('OK')
    await device.subscribed(queue)
  })

  test('T11: TVFY again with the same code is OK again, also after TNEW (20 §12, 4)', async () => {
    const device = await new NtfDevice(target).activate()
    const code = await device.code()
    for (let i = 0; i < 3; i++) expect(await device.words({ tag: 'TVFY', code })).toBe('OK')
    await device.register()
    expect(await device.words({ tag: 'TVFY', code })).toBe('OK')
    expect(await device.words({ tag: 'TVFY', code: randomBytes(32) })).toBe('ERR AUTH')
    expect(await device.status()).toBe('TKN ACTIVE')
  })
})
