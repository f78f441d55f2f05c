// From an NMSG to a console push: the notification server's whole way, against the one encryption in it.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { createNotificationServer, memoryStore } from '@smpkit/notification-server'
import { consoleProvider } from '@smpkit/push-providers'
import {
  encodeItem,
  encryptPayload,
  type NotificationData,
  openPush,
  tokenSecret,
} from '@smpkit/push-providers/payload'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { directSubscriber } from './direct-subscriber.js'
import { type Bench, median, row } from './harness.js'

const devices = 2000
const rounds = 7
const address: ServerAddress = {
  hosts: [{ type: 'domain', text: 'smp.example.com' }],
  port: '',
  keyHash: randomBytes(32),
}
const server = toBase64url(address.keyHash)

export const notification: Bench = {
  name: 'NMSG to a console push',
  async run(progress) {
    const { subscriber, put } = directSubscriber(server)
    const pushes = new Map<string, NotificationData>()
    let count = 0
    let finish = () => {}
    const provider = consoleProvider({
      write: () => {},
      deliver({ token, notificationData }) {
        if (pushes.size < devices) pushes.set(token, notificationData)
        if (++count === devices) finish()
      },
    })
    const delivered = (start: () => void) => {
      count = 0
      return new Promise<void>((resolve) => {
        finish = resolve
        start()
      })
    }
    await using notifications = await createNotificationServer({
      subscriber,
      store: memoryStore(),
      providers: [provider],
    })

    progress(`registering ${devices} devices`)
    const notifierIds: Uint8Array[] = []
    const secrets: Uint8Array[] = []
    for (let i = 0; i < devices; i++) {
      const owner = `owner ${i}`
      const key = PrivateKey.generate('x25519')
      const token = await notifications.tokens.add({
        owner,
        provider: 'console',
        token: `device ${i}`,
        dhKey: key.publicKey,
      })
      const secret = tokenSecret(key, token.dhKey)
      while (!pushes.has(`device ${i}`)) await new Promise((resolve) => setImmediate(resolve))
      const opened = openPush(secret, pushes.get(`device ${i}`))
      if (opened.kind !== 'verification') throw new Error('expected a verification push')
      await notifications.tokens.verify({ owner, id: token.id, code: opened.code })
      const notifierId = randomBytes(24)
      const notifierKey = PrivateKey.generate('ed25519')
      await notifications.subscriptions.add({ owner, server: address, notifierId, notifierKey, token: token.id })
      notifierIds.push(notifierId)
      secrets.push(secret)
    }

    progress('pushing')
    const encMeta = randomBytes(144)
    const nonce = randomBytes(24)
    const nmsgs = () =>
      notifierIds.map((notifierId) => ({ type: 'notification', server, notifierId, nonce, encMeta }) as const)
    const text = new TextEncoder().encode(
      encodeItem({ server: address, notifierId: randomBytes(24), ntfTs: 1_700_000_000, nonce, encMeta }),
    )
    const rates = { ours: [] as number[], limit: [] as number[] }
    for (let i = 0; i < rounds; i++) {
      const start = performance.now()
      await delivered(() => put(...nmsgs()))
      const middle = performance.now()
      for (const secret of secrets) encryptPayload(secret, text)
      rates.ours.push((devices * 1000) / (middle - start))
      rates.limit.push((devices * 1000) / (performance.now() - middle))
    }
    return [row('NMSG to a console push', 'pushes/s', { ours: median(rates.ours), limit: median(rates.limit) })]
  },
}
