// Programs as children, an SMP server, and a notification server that pushes to them over HTTPS.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openMemoryStore } from '@smpkit/agent-store'
import { createNotificationServer, memoryStore, poolSubscriber } from '@smpkit/notification-server'
import { ntfDoor } from '@smpkit/notification-server/ntf'
import { serviceDoor } from '@smpkit/notification-server/service'
import { ntfAddressToText } from '@smpkit/ntf-protocol'
import { type PushProvider, webhookProvider } from '@smpkit/push-providers'
import { apnsProvider, nullProvider } from '@smpkit/push-providers/apns'
import { createTestIdentity, startApnsFake } from '@smpkit/push-providers/testing'
import { generateVapidKeys, webPushProvider } from '@smpkit/push-providers/webpush'
import { openAgent } from '@smpkit/smp-agent'
import { SmpPool } from '@smpkit/smp-client'
import { addressPolicy } from '@smpkit/smp-commands/address'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { type StartedProgram, startProgram } from 'example-chat/testing'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const allowAddress = addressPolicy({ allow: ['127.0.0.1', '::1'] })
const vapid = { ...generateVapidKeys(), subject: 'mailto:me@example.org' }
const { signal } = new AbortController()

let smp: SmpServer
let folder: string
const started: StartedProgram[] = []

beforeEach(async () => {
  smp = await startSmpServer({ notificationTick: 20 })
  folder = mkdtempSync(path.join(tmpdir(), 'chat-client '))
})
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.kill('SIGKILL')
    await one.ended
  }
  rmSync(folder, { recursive: true })
  await smp.stop()
})

/** The address of a notification server, and what it has. */
async function startService(provider: PushProvider) {
  const store = memoryStore()
  const agent = await openAgent({ store: openMemoryStore(), servers: [smp.addressText] })
  const door = serviceDoor({ agent, name: 'wake-up' })
  const server = await createNotificationServer({
    subscriber: poolSubscriber(new SmpPool()),
    store,
    providers: [provider],
    doors: [door],
  })
  onTestFinished(async () => {
    await server.close()
    await agent.close()
    await provider.close()
  })
  return { address: (await door.address()).link, tokens: () => store.page('tokens', { after: '', limit: 10 }) }
}

/** Trusts what is told later. */
function webPush(ca: Promise<string>): PushProvider {
  const trusting = ca.then((text) => webPushProvider({ vapid, allowAddress, ca: text }))
  return {
    ...webPushProvider({ vapid, allowAddress }),
    send: async (push, options) => (await trusting).send(push, options),
    close: async () => (await trusting).close(),
  }
}

function start(...args: string[]): StartedProgram {
  const one = startProgram(program, args, { cwd: folder })
  started.push(one)
  return one
}

const user = (name: string) => start('--server', smp.addressText, '--name', name, '--db', `${name}.db`)
const wake = (name: string) => start('wake', '--server', smp.addressText, '--db', `${name}.db`)

async function connected() {
  const [alice, bob] = [user('Alice'), user('Bob')]
  alice.type('/invite')
  const [link] = await alice.until(/^(?:simplex:|https:)\S+/m)
  bob.type(`/join ${link}`)
  await alice.until(/^— Bob is connected$/m)
  await bob.until(/^— Alice is connected$/m)
  return { alice, bob }
}

async function end(one: StartedProgram): Promise<void> {
  one.type('/quit')
  expect(await one.ended).toMatchObject({ code: 0, stderr: '' })
}

const watched = /^— notifications: the notification server watches for messages \(1 of 1 contacts\)$/m
const asleep = /^— asleep, without a connection to any SMP server, until a push comes$/m

describe('a chat client that sleeps', () => {
  it('is woken by webhooks, fetches and shows what is new, and looks at all when it is told to', async () => {
    const { ca, cert, key } = createTestIdentity()
    writeFileSync(path.join(folder, 'cert.pem'), cert)
    writeFileSync(path.join(folder, 'key.pem'), key)
    const provider = webhookProvider({ allowAddress, ca })
    const { address, tokens } = await startService(provider)
    const { alice, bob } = await connected()
    alice.type(`/notifications on ${address} --provider webhook --listen localhost:0 --cert cert.pem --key key.pem`)
    await alice.until(/^— pushes come as webhook to https:\/\/localhost:\d+\. To sleep/m)
    await alice.until(watched)
    await end(alice)

    const sleeper = wake('Alice')
    await sleeper.until(asleep)
    bob.type('hello')
    await sleeper.until(/^\d\d:\d\d Bob: hello$/m)
    await sleeper.until(/^— woken by a push \(message\): fetched 1 message$/m)
    await bob.until(/✓✓ hello/)

    const [token] = await tokens()
    if (!token) throw new Error('expected a token')
    const notificationData = { checkMessages: true } as const
    const check = { id: 'check', kind: 'check', token: token.deviceToken, registeredAt: 0, notificationData } as const
    expect(await provider.send(check, { signal })).toEqual({ outcome: 'accepted' })
    await sleeper.until(/^— woken by a push \(check\): fetched 0 messages$/m)
    await sleeper.until(asleep)
    const forged = { ...check, token: provider.readToken({ ...JSON.parse(token.deviceToken), secret: 'A'.repeat(32) }) }
    expect(await provider.send(forged, { signal })).toMatchObject({ outcome: 'refused' })
    bob.type('again')
    await sleeper.until(/^\d\d:\d\d Bob: again$/m)
    sleeper.kill('SIGTERM')
    expect(await sleeper.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it('is woken by Web Push, with a certificate that it has made itself', async () => {
    let tell = (_ca: string) => {}
    const ca = new Promise<string>((resolve) => {
      tell = resolve
    })
    const { address, tokens } = await startService(webPush(ca))
    const { alice, bob } = await connected()
    alice.type(`/notifications on ${address} --provider webpush --listen 127.0.0.1:0`)
    const [pem] = await alice.until(/^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n/m)
    tell(pem)
    await alice.until(watched)
    alice.kill('SIGKILL')
    await alice.ended

    const sleeper = wake('Alice')
    await sleeper.until(asleep)
    bob.type('hello')
    await sleeper.until(/^\d\d:\d\d Bob: hello$/m)
    sleeper.kill('SIGKILL')
    await sleeper.ended

    const again = user('Alice')
    await again.until(watched)
    again.type('/notifications')
    await again.until(/^— pushes come as webpush to https:\/\/localhost:\d+$/m)
    again.type('/notifications on x')
    await again.until(/^! --provider: expected webhook, webpush or apns_…$/m)
    again.type('/notifications off')
    await again.until(/^— notifications are off$/m)
    await expect.poll(tokens, { timeout: 10_000 }).toEqual([])
    again.type('/notifications')
    await again.until(/^— notifications are off$/m)
    await end(again)
    const { code, stderr } = await wake('Alice').ended
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/notifications are off/) })
  })

  it('is woken by a server of ntf://, with what a stand-in for APNs writes', async () => {
    const file = path.join(folder, 'apns.log')
    const apns = await startApnsFake({ logFile: file })
    const door = ntfDoor({ identity: smp.identity, host: '127.0.0.1', port: 0, testProvider: true })
    const server = await createNotificationServer({
      subscriber: poolSubscriber(new SmpPool()),
      store: memoryStore(),
      providers: [apnsProvider({ name: 'apns_test', ...apns.options }), nullProvider('apns_null')],
      doors: [door],
    })
    onTestFinished(async () => {
      await server.close()
      await apns.close()
    })
    const address = ntfAddressToText(door.address())
    const { alice, bob } = await connected()
    alice.type(`/notifications on ${address} --provider webpush --listen localhost:0`)
    await alice.until(/^! a server of ntf:\/\/ pushes to devices of Apple alone/m)
    alice.type(`/notifications on ${address} --provider apns_test --push-log apns.log`)
    await alice.until(/^— pushes of apns_test come from the file \S.*apns\.log\. To sleep/m)
    await alice.until(watched)
    await end(alice)

    const sleeper = wake('Alice')
    await sleeper.until(asleep)
    bob.type('hello')
    await sleeper.until(/^\d\d:\d\d Bob: hello$/m)
    await sleeper.until(/^— woken by a push \(message\): fetched 1 message$/m)
    await end(bob)
  })
})
