// A notification server in a process of its own, which can be killed. What it is to do comes as JSON in its arguments.
import { createNotificationServer, guardedConnect } from '@smpkit/notification-server'
import { serviceDoor } from '@smpkit/notification-server/service'
import { webhookProvider } from '@smpkit/push-providers'
import { openAgent } from '@smpkit/smp-agent'
import { addressPolicy } from '@smpkit/smp-commands/address'
import { faults } from './faults.mjs'
import { openStorage } from './storages.mjs'

const { storage, smp, ca, limits, wrong, endWhenLost } = JSON.parse(process.argv[2])
const loopback = ['127.0.0.0/8', '::1']
const reconnect = { firstDelay: 20, maxDelay: 200 }
const faulty = faults()

const { store, agentStore, release } = await openStorage(storage, {
  writesLate: wrong === 'writesLate',
  endWhenLost,
})
const agent = await openAgent({ store: agentStore, servers: smp, pool: { reconnect } })
const door = serviceDoor({ agent, name: 'killed at times' })
const webhook = webhookProvider({ ca, allowAddress: addressPolicy({ allow: loopback }) })
const server = await createNotificationServer({
  smp: { reconnect, connect: guardedConnect({ allow: loopback }) },
  store: faulty.of(forgetsCrashes(store)),
  providers: [wrong === 'forgetsPushes' ? forgetful(webhook) : webhook],
  doors: [door],
  limits,
})
const { link } = await door.address()
process.send({ tag: 'ready', link })

/** What was not stored is not known of. */
function forgetsCrashes(store) {
  return { ...store, swapClean: async (clean) => (await store.swapClean(clean)) || wrong === 'forgetsCrashes' }
}

/** Takes a push for accepted when it has been given to the provider. */
function forgetful(provider) {
  return {
    ...provider,
    async send(push, options) {
      void provider.send(push, { ...options, signal: new AbortController().signal })
      return { outcome: 'accepted' }
    },
  }
}

void server.closed.then(async (why) => {
  await agent.close().catch(() => {})
  await agentStore.close().catch(() => {})
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
