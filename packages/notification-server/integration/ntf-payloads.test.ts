// Spec 21 A1–A5, 24 §1 D1: the pushes that an app's extension reads, byte by byte.
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import { decryptPayload } from '@smpkit/push-providers/payload'
import { devicePath, type SeenPush } from '@smpkit/push-providers/testing'
import { describe, expect, test } from 'vitest'
import { until } from './support/in-process.js'
import { NtfDevice, withHosts } from './support/ntf-device.js'
import { atNtfServer } from './support/ntf-target.js'
import type { Queue } from './support/queues.js'

/** Of what Apple takes (21 A2). */
const largestBody = 4096
/** The box of 2912 bytes with its tag, in base64url. */
const paddedText = 3904
const message = {
  'mutable-content': 1,
  alert: 'Encrypted message or another app event',
  category: 'NTF_CAT_CHECK_MESSAGE',
}
const onion = `${'abcdefgh2345'.repeat(5).slice(0, 56)}.onion`

atNtfServer((target) => {
  const last = (device: NtfDevice): SeenPush => {
    const push = device.pushes().at(-1)
    if (!push) throw new Error('expected a push')
    return push
  }

  /** Exactly these members. */
  function expectBody({ body }: SeenPush, aps: unknown, members: readonly string[]): Record<string, string> {
    const json = JSON.parse(body)
    expect(Object.keys(json).sort()).toEqual(['aps', 'notificationData'])
    expect(json.aps).toEqual(aps)
    expect(Object.keys(json.notificationData).sort()).toEqual(members)
    // Compact.
    expect(body).toBe(JSON.stringify(json))
    expect(json.notificationData.nonce).toMatch(/^[\w-]{32}$/)
    return json.notificationData
  }

  function expectHeaders({ headers }: SeenPush, expected: Readonly<Record<string, string>>): void {
    const ours = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('apns-')))
    expect(ours).toEqual({ 'apns-topic': expect.stringMatching(/^[\w.-]+$/), ...expected })
    expect(headers['content-type']).toBeUndefined()
    expect(headers.authorization).toMatch(/^bearer [\w-]+\.[\w-]+\.[\w-]+$/)
  }

  /** The texts of the list's items. */
  function itemsOf(device: NtfDevice, push: SeenPush): string[] {
    const { nonce, message: data } = JSON.parse(push.body).notificationData
    return new TextDecoder().decode(decryptPayload(device.secret, { nonce, data })).split(';')
  }

  function expectItem(text: string, queue: Queue, server: string): void {
    const [named, seconds, nonce, meta, ...rest] = text.split(' ')
    expect(rest).toEqual([])
    expect(named).toBe(`${server}/${toBase64url(queue.notifierId)}`)
    expect(seconds).toMatch(/^[1-9]\d{9}$/)
    expect(nonce).toMatch(/^[\w-]{32}$/)
    expect(meta).toMatch(/^[\w-]{192}$/)
  }

  const addressText = ({ keyHash, hosts, port }: Queue['address']): string =>
    `smp://${toBase64url(keyHash)}@${hosts.map(({ text }) => text).join(',')}${port === '' ? '' : `:${port}`}`

  test('D1: the push of a code', async () => {
    const device = await new NtfDevice(target).register()
    const code = await device.code()
    const push = last(device)
    expect(push.path).toBe(devicePath(device.token))
    const { nonce, verification } = expectBody(push, { 'content-available': 1 }, ['nonce', 'verification'])
    expectHeaders(push, { 'apns-push-type': 'background', 'apns-priority': '5' })
    expect(decryptPayload(device.secret, { nonce: nonce ?? '', data: verification ?? '' })).toEqual(code)
    expect(code).toHaveLength(32)
  })

  test('D1: the push of messages', async () => {
    const device = await new NtfDevice(target).activate()
    const queue = await target.newQueue()
    await device.subscribed(queue)
    await queue.send()
    await device.untilTold(queue)
    const push = last(device)
    expect(push.path).toBe(devicePath(device.token))
    expectBody(push, message, ['message', 'nonce'])
    expectHeaders(push, { 'apns-push-type': 'alert' })
    const items = itemsOf(device, push)
    expect(items).toHaveLength(1)
    expectItem(items[0] as string, queue, addressText(queue.address))
  })

  test('D1: an item names the server as its subscription does', async (context) => {
    target.onlyOurs(context, 'two spellings are two servers for the reference, which take its service from each other')
    const device = await new NtfDevice(target).activate()
    const queue = await target.newQueue()
    const address = withHosts(queue.address, [...queue.address.hosts.map(({ text }) => text), onion])
    await device.subscribed({ ...queue, address })
    await queue.send()
    await device.untilTold(queue)
    expectItem(itemsOf(device, last(device))[0] as string, queue, addressText(address))
  })

  describe('sizes', () => {
    test('D1: pushes of codes and of messages have the same padded length, within 4096 bytes', async (context) => {
      target.embedded(context)
      const device = await new NtfDevice(target).activate()
      const queue = await target.newQueue()
      await device.subscribed(queue)
      await queue.send()
      await device.untilTold(queue)
      const lengths = device.pushes().map(({ body }) => {
        const { verification, message: data } = JSON.parse(body).notificationData
        expect(fromBase64url(verification ?? data)).toHaveLength(2912 + 16)
        expect(Buffer.byteLength(body)).toBeLessThanOrEqual(largestBody)
        return (verification ?? data).length
      })
      expect(lengths).toEqual([paddedText, paddedText])
    })

    test('D7: six items of servers with two hosts are within 4096 bytes', async (context) => {
      target.embedded(context)
      const device = await new NtfDevice(target).activate()
      const queues = await target.newQueues(6)
      const address = withHosts((queues[0] as Queue).address, ['127.0.0.1', 'smp.example.com', onion])
      for (const queue of queues) await device.subscribed({ ...queue, address })
      for (const queue of queues) {
        await queue.send()
        await device.untilTold(queue)
      }
      await until(() => device.lists().at(-1)?.length === 6)
      const push = last(device)
      expect(Buffer.byteLength(push.body)).toBeLessThanOrEqual(largestBody)
      expect(JSON.parse(push.body).notificationData.message).toHaveLength(paddedText)
      for (const [i, text] of itemsOf(device, push).entries())
        expectItem(text, queues[i] as Queue, addressText(address))
    })

    test('D7: of longer items so many are in a push as fit', async (context) => {
      target.embedded(context)
      const device = await new NtfDevice(target).activate()
      const queues = await target.newQueues(6)
      // No command holds longer ones.
      const long = Array.from({ length: 3 }, (_, i) => `${'a-name-that-is-long.'.repeat(3)}${i}.example.com`)
      const address = withHosts((queues[0] as Queue).address, ['127.0.0.1', ...long])
      for (const queue of queues) await device.subscribed({ ...queue, address })
      for (const queue of queues) {
        await queue.send()
        await device.untilTold(queue)
      }
      for (const { body } of device.pushes()) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(largestBody)
      const texts = itemsOf(device, last(device))
      expect(texts.length).toBeGreaterThan(1)
      expect(texts.length).toBeLessThan(6)
      expectItem(texts.at(-1) as string, queues[5] as Queue, addressText(address))
    })
  })

  test('D1: each attempt has a nonce of its own', async (context) => {
    const ntf = target.embedded(context)
    const device = new NtfDevice(target)
    let attempts = 0
    ntf.answer(device.token, () => (++attempts < 4 ? { status: 503, reason: 'ServiceUnavailable' } : 'accepted'))
    await device.register()
    await device.untilStatus('TKN CONFIRMED')
    const nonces = device.pushes().map(({ body }) => JSON.parse(body).notificationData.nonce)
    expect([nonces.length, new Set(nonces).size]).toEqual([4, 4])
  })

  test('D1: the JWT is signed as RFC 7518 says', async () => {
    const device = await new NtfDevice(target).register()
    await device.code()
    const [, token = ''] = (last(device).headers.authorization ?? '').split(' ')
    const [header, claims, signature] = token.split('.').map((part) => Buffer.from(part, 'base64url'))
    expect(JSON.parse(String(header))).toMatchObject({ alg: 'ES256', kid: expect.any(String) })
    expect(JSON.parse(String(claims))).toEqual({ iss: expect.any(String), iat: expect.any(Number) })
    // The reference writes DER, which Apple takes, too.
    if (!process.env.NTF_SERVER) expect(signature).toHaveLength(64)
  })
})
