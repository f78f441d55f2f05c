// The way of a message to a device over real connections: spec 30 §6, 04 §7.
import { PrivateKey } from '@smpkit/crypto'
import type { Push } from '@smpkit/push-providers'
import { consoleProvider } from '@smpkit/push-providers'
import { type OpenedPush, openPush, tokenSecret } from '@smpkit/push-providers/payload'
import { openSession, SmpPool } from '@smpkit/smp-client'
import { decryptNmsgMeta } from '@smpkit/smp-commands'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { expect, onTestFinished, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { poolSubscriber } from './pool-subscriber.js'
import { createNotificationServer, type NotificationServerOptions } from './server.js'
import type { NotificationStore } from './store.js'
import { newQueue } from './testing/queue.js'

/** Pushes as a device takes them, one after another. */
class Phone {
  readonly key = PrivateKey.generate('x25519')
  secret: Uint8Array = new Uint8Array()
  readonly #pushes: Push[] = []
  #wake = () => {}

  readonly provider = consoleProvider({
    write() {},
    deliver: (push) => {
      this.#pushes.push(push)
      this.#wake()
    },
  })

  async next(): Promise<OpenedPush> {
    while (this.#pushes.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return openPush(this.secret, (this.#pushes.shift() as Push).notificationData)
  }
}

const owner = 'owner'

/** A notification server of its own, with the time-outs short. */
async function start(
  phone: Phone,
  store: NotificationStore = memoryStore(),
  options: Partial<NotificationServerOptions> = {},
) {
  const pool = new SmpPool({ reconnect: { firstDelay: 20, maxDelay: 100 } })
  const server = await createNotificationServer({
    subscriber: poolSubscriber(pool),
    store,
    providers: [phone.provider],
    limits: { checkSpread: 0 },
    ...options,
  })
  onTestFinished(() => server.close())
  return server
}

async function activeToken(phone: Phone, server: Awaited<ReturnType<typeof start>>): Promise<string> {
  const { publicKey: dhKey } = phone.key
  const token = await server.tokens.add({ owner, provider: 'console', token: 'phone', dhKey })
  phone.secret = tokenSecret(phone.key, token.dhKey)
  const push = await phone.next()
  if (push.kind !== 'verification') throw new Error('expected a verification push')
  await server.tokens.verify({ owner, id: token.id, code: push.code })
  return token.id
}

async function startSmp(options: Parameters<typeof startSmpServer>[0] = {}): Promise<SmpServer> {
  const smp = await startSmpServer({ notificationTick: 20, endDelay: 20, ...options })
  onTestFinished(() => smp[Symbol.asyncDispose]())
  return smp
}

test('a message becomes a push, which the device decrypts to fetch the message', async () => {
  const smp = await startSmp()
  const phone = new Phone()
  const server = await start(phone)
  const token = await activeToken(phone, server)
  const queue = await newQueue(smp)
  const { notifierId, notifierKey } = queue
  const added = await server.subscriptions.add({ owner, server: smp.address, notifierId, notifierKey, token })
  expect(added).toMatchObject({ status: 'active', created: true })
  await queue.send('hello')
  const push = await phone.next()
  const [item] = push.kind === 'message' ? push.items : []
  expect(item?.notifierId).toEqual(notifierId)
  expect(item?.server).toMatchObject({ port: smp.address.port, keyHash: smp.address.keyHash })
  const { msgId } = decryptNmsgMeta(queue.secret, item?.nonce as Uint8Array, item?.encMeta as Uint8Array)
  const message = await queue.get()
  expect(message.tag === 'MSG' && message.msgId).toEqual(msgId)
  await queue.ack(msgId)
})

test('a notifier key that the SMP server does not know is a conflict', async () => {
  const smp = await startSmp()
  const phone = new Phone()
  const server = await start(phone)
  const token = await activeToken(phone, server)
  const { notifierId } = await newQueue(smp)
  const notifierKey = PrivateKey.generate('ed25519')
  const adding = server.subscriptions.add({ owner, server: smp.address, notifierId, notifierKey, token })
  await expect(adding).rejects.toMatchObject({ code: 'CONFLICT', reason: 'auth' })
  expect(await server.subscriptions.list({ owner, limit: 9 })).toMatchObject({ items: [] })
})

test('an SMP server that goes and comes back: pushes go on, and the device is told to check', async () => {
  const first = await startSmp()
  const phone = new Phone()
  const server = await start(phone)
  const token = await activeToken(phone, server)
  const { notifierId, notifierKey } = await newQueue(first)
  const { id } = await server.subscriptions.add({ owner, server: first.address, notifierId, notifierKey, token })
  const port = Number(first.address.port)
  const state = await first.stop()
  const until = async (status: string) => {
    while ((await server.subscriptions.get({ owner, id })).status !== status) await new Promise((r) => setTimeout(r, 5))
  }
  await until('inactive')
  await startSmp({ port, state })
  await until('active')
  expect((await phone.next()).kind).toBe('check')
})

test('a message that came while no notification server ran is pushed by the next one', async () => {
  const smp = await startSmp()
  const phone = new Phone()
  const store = memoryStore()
  const former = await start(phone, store)
  const token = await activeToken(phone, former)
  const queue = await newQueue(smp)
  const { notifierId, notifierKey } = queue
  await former.subscriptions.add({ owner, server: smp.address, notifierId, notifierKey, token })
  await former.close()
  await queue.send('hello')
  const present = await start(phone, store)
  const push = await phone.next()
  expect(push.kind === 'message' && push.items.map((item) => item.notifierId)).toEqual([notifierId])
  expect(await present.subscriptions.list({ owner, limit: 9 })).toMatchObject({ items: [{ status: 'active' }] })
})

test('a notifier that another connection takes is ended, and a deleted one is deleted', async () => {
  const smp = await startSmp()
  const phone = new Phone()
  const server = await start(phone)
  const token = await activeToken(phone, server)
  const { notifierId, notifierKey } = await newQueue(smp)
  const { id } = await server.subscriptions.add({ owner, server: smp.address, notifierId, notifierKey, token })
  const other = await openSession(smp.address)
  onTestFinished(() => other.close())
  await other.request({ command: { tag: 'NSUB' }, entityId: notifierId, key: notifierKey })
  while ((await server.subscriptions.get({ owner, id })).status !== 'ended') await new Promise((r) => setTimeout(r, 5))
})

test('the connection to a server ends with its last subscription, and comes back with the next', async () => {
  const smp = await startSmp()
  const phone = new Phone()
  const server = await start(phone)
  const token = await activeToken(phone, server)
  const { notifierId, notifierKey } = await newQueue(smp)
  const given = { owner, server: smp.address, notifierId, notifierKey, token }
  const { id } = await server.subscriptions.add(given)
  await server.subscriptions.remove({ owner, id })
  // At once, while the connection is about to end.
  const again = await server.subscriptions.add(given)
  expect(again).toMatchObject({ status: 'active', created: true })
  await server.subscriptions.remove({ owner, id: again.id })
  while ((await server.status()).servers.some(({ up }) => up)) await new Promise((r) => setTimeout(r, 5))
  expect(await server.subscriptions.add(given)).toMatchObject({ status: 'active' })
})

test('an address where nobody answers is pending', async () => {
  const smp = await startSmp()
  const phone = new Phone()
  const server = await start(phone)
  const token = await activeToken(phone, server)
  const { notifierId, notifierKey } = await newQueue(smp)
  await smp.stop()
  const given = { owner, server: smp.address, notifierId, notifierKey, token, wait: 50 }
  expect(await server.subscriptions.add(given)).toMatchObject({ status: 'pending', created: true })
})
