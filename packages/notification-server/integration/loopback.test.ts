// Issue texts, spec 21 B3: without exceptions, clients cannot make the notification server connect to where it runs.
import { PrivateKey } from '@smpkit/crypto'
import { type PushProvider, webhookProvider } from '@smpkit/push-providers'
import { startWebhookFake, startWebPushFake } from '@smpkit/push-providers/testing'
import { generateVapidKeys, webPushProvider } from '@smpkit/push-providers/webpush'
import { serverAddressToText } from '@smpkit/smp-commands/address'
import { startSmpServer } from '@smpkit/smp-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../src/memory-store.js'
import { createNotificationServer } from '../src/server.js'
import { Device, owner, Pushes, startServer, until } from './support/in-process.js'
import { openRecipient } from './support/queues.js'

async function startWith(providers: readonly PushProvider[]) {
  const server = await createNotificationServer({ store: memoryStore(), providers })
  onTestFinished(() => server.close())
  return server
}

const dhKey = PrivateKey.generate('x25519').publicKey

describe('an SMP server', () => {
  test.each([
    '127.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '2130706433',
    '0x7f.1',
    '0.0.0.0',
  ])('at %s is not connected to', async (host) => {
    const seen: unknown[] = []
    const smp = await startSmpServer({ log: (entry) => seen.push(entry) })
    onTestFinished(() => smp[Symbol.asyncDispose]())
    const recipient = await openRecipient(smp.address)
    const { notifierId, notifierKey } = await recipient.newQueue()
    await recipient[Symbol.asyncDispose]()
    await until(() => smp.statistics().connections === 0)
    seen.length = 0

    const pushes = new Pushes()
    const server = await startWith([pushes.provider])
    const token = await server.tokens.add({ owner, provider: 'console', token: 'phone', dhKey })
    const text = serverAddressToText(smp.address).replace('127.0.0.1', host)
    const given = { owner, server: text, notifierId, notifierKey, token: token.id, wait: 3000 }
    const outcome = await server.subscriptions.add(given).catch((error: unknown) => error)
    expect(outcome).not.toMatchObject({ status: 'active' })
    const isRefused = outcome instanceof Error || (outcome as { reason: string | null }).reason === 'address refused'
    // Names that are no names are not found.
    expect(isRefused || /^(\d+|0x)/.test(host)).toBe(true)
    expect([seen, smp.statistics().connections]).toEqual([[], 0])
  })

  test('at loopback is connected to where the operator allows it', async () => {
    const smp = await startSmpServer()
    onTestFinished(() => smp[Symbol.asyncDispose]())
    const recipient = await openRecipient(smp.address)
    onTestFinished(() => recipient[Symbol.asyncDispose]())
    const pushes = new Pushes()
    const server = await startServer(pushes)
    const device = await new Device(pushes).activate(server)
    const added = await device.subscribe(server, smp.address, await recipient.newQueue())
    expect(added).toMatchObject({ status: 'active' })
  })
})

describe('an endpoint of pushes', () => {
  test.each(['webhook', 'webpush'] as const)('of %s on loopback is not connected to', async (name) => {
    const fake = name === 'webhook' ? await startWebhookFake() : await startWebPushFake()
    onTestFinished(() => fake.close())
    const vapid = { ...generateVapidKeys(), subject: 'mailto:operator@example.com' }
    const provider = name === 'webhook' ? webhookProvider({ ca: fake.ca }) : webPushProvider({ vapid, ca: fake.ca })
    onTestFinished(() => provider.close())
    const reasons: string[] = []
    const server = await createNotificationServer({
      store: memoryStore(),
      providers: [provider],
      onPush: ({ outcome }) => reasons.push('reason' in outcome ? outcome.reason : outcome.outcome),
    })
    onTestFinished(() => server.close())

    const device = fake.device('phone')
    const at = (host: string) =>
      JSON.parse(JSON.stringify(device).replace('//localhost:', `//${host}:`)) as typeof device
    for (const host of ['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '127.1']) {
      const adding = server.tokens.add({ owner, provider: name, token: at(host), dhKey })
      await expect(adding).rejects.toMatchObject({ code: 'BAD_REQUEST', reason: 'token' })
    }
    // What a name leads to shows with the first push.
    await server.tokens.add({ owner, provider: name, token: device, dhKey })
    await until(() => reasons.length > 0)
    expect(reasons[0]).not.toBe('accepted')
    expect([fake.received, fake.connections.made]).toEqual([[], 0])
  })
})
