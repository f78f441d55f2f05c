// The notification server of the benchmark of the NTF protocol, and what each of its subscriptions cannot do without.
import { PrivateKey, randomBytes, sign, verify } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { createNotificationServer, type NotificationServer, type NotificationStore } from '@smpkit/notification-server'
import { ntfDoor } from '@smpkit/notification-server/ntf'
import { ntfAddressToText } from '@smpkit/ntf-protocol'
import { nullProvider } from '@smpkit/push-providers/apns'
import { connectSmp, createServerIdentity } from '@smpkit/smp-transport'
import { postgresSubscriptions, type SubscriptionStorage, sqliteSubscriptions } from './ntf-storage.js'
import { serve } from './peer.js'

/** Rows of one transaction. */
const batch = 100

let storage: SubscriptionStorage | undefined
let store: NotificationStore | undefined
let server: NotificationServer | undefined

serve({
  /** With an empty database: of SQLite, or on the PostgreSQL server of this URL. Gives its address. */
  async start(postgres: string | null) {
    storage = postgres === null ? sqliteSubscriptions() : await postgresSubscriptions(postgres)
    store = await storage.open()
    const door = ntfDoor({ identity: createServerIdentity(), host: '127.0.0.1', port: 0 })
    server = await createNotificationServer({
      smp: { connect: connectSmp },
      serviceCertificates: false,
      store,
      providers: [nullProvider('apns_null')],
      doors: [door],
      limits: { subscriptionsNtf: 1_000_000 },
    })
    return ntfAddressToText(door.address())
  },
  /** That of a token, which a push would bring. */
  async code(tokenId: Uint8Array) {
    const rows = await store?.read({ tokens: { id: [toBase64url(tokenId)] } })
    return rows?.tokens[0]?.code
  },
  /**
   * Ends the server. Then its subscriptions are inserted again, for each a signature of this length of text verified and another one
   * made. Gives how many it was in a second.
   */
  async limit(verified: number, signed: number) {
    await server?.close()
    await store?.close()
    const { rows, insert } = (await storage?.empty()) ?? { rows: 0, insert: () => {} }
    const key = PrivateKey.generate('ed25519')
    const [command, nsub] = [randomBytes(verified), randomBytes(signed)]
    const signature = sign(key, command)
    const start = performance.now()
    for (let done = 0; done < rows; done += batch) {
      for (let i = 0; i < batch; i++) {
        if (!verify(key.publicKey, command, signature)) throw new Error('not verified')
        sign(key, nsub)
      }
      await insert(batch)
    }
    const elapsed = performance.now() - start
    await storage?.[Symbol.asyncDispose]()
    return (rows * 1000) / elapsed
  },
})
