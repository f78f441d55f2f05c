// A notification server with the door of the NTF protocol in a process of its own, which can be killed. Its job is JSON in its arguments.
import { createNotificationServer, guardedConnect } from '@smpkit/notification-server'
import { ntfDoor } from '@smpkit/notification-server/ntf'
import { ntfAddressToText } from '@smpkit/ntf-protocol'
import { apnsProvider, nullProvider } from '@smpkit/push-providers/apns'
import { serverIdentityFromPem } from '@smpkit/smp-transport'
import { faults } from './faults.mjs'
import { openStorage } from './storages.mjs'

const { storage, identity, port, apns, limits } = JSON.parse(process.argv[2])
const faulty = faults()
const { store, agentStore, release } = await openStorage(storage)
await agentStore.close()
const provider = apnsProvider({ name: 'apns_test', ...apns })
const door = ntfDoor({ identity: serverIdentityFromPem(identity), host: '127.0.0.1', port, testProvider: true })
const server = await createNotificationServer({
  smp: {
    reconnect: { firstDelay: 20, maxDelay: 200 },
    connect: guardedConnect({ allow: ['127.0.0.0/8', '::1'] }),
  },
  store: faulty.of(store),
  providers: [provider, nullProvider('apns_null')],
  doors: [door],
  limits,
})
process.send({ tag: 'ready', link: ntfAddressToText(door.address()) })

void server.closed.then(async (why) => {
  await provider.close()
  await store.close().catch(() => {})
  await release()
  process.send({ tag: 'closed', why: why?.message }, () => process.exit())
})

process.on('message', async ({ tag, when, rows }) => {
  if (tag === 'fault') {
    faulty.killAt(when, rows)
    process.send({ tag })
  }
  if (tag === 'status') process.send({ tag, status: await server.status() })
  if (tag === 'close') await server.close()
})
process.on('disconnect', () => process.exit())
