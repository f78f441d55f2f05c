// A notification server in a process of its own, which can be killed. What it is to do comes as JSON in its arguments.
import { createNotificationServer, guardedConnect } from '@smpkit/notification-server'
import { serviceDoor } from '@smpkit/notification-server/service'
import { webhookProvider } from '@smpkit/push-providers'
import { openAgent } from '@smpkit/smp-agent'
import { addressPolicy } from '@smpkit/smp-commands/address'
import { openStorage } from './storages.mjs'

const { storage, smp, ca, limits, wrong, endWhenLost } = JSON.parse(process.argv[2])
const loopback = ['127.0.0.0/8', '::1']
const reconnect = { firstDelay: 20, maxDelay: 200 }

/** When the process is to kill itself: `before` or `after` it has stored the next notifications. */
let fault
const kill = () => process.kill(process.pid, 'SIGKILL')

const { store, agentStore, release } = await openStorage(storage, {
  writesLate: wrong === 'writesLate',
  endWhenLost,
})
const agent = await openAgent({ store: agentStore, servers: smp, pool: { reconnect } })
const door = serviceDoor({ agent, name: 'killed at times' })
const webhook = webhookProvider({ ca, allowAddress: addressPolicy({ allow: loopback }) })
const server = await createNotificationServer({
  smp: { reconnect, connect: guardedConnect({ allow: loopback }) },
  store: faulty(store),
  providers: [wrong === 'forgetsPushes' ? forgetful(webhook) : webhook],
  doors: [door],
  limits,
})
const { link } = await door.address()
process.send({ tag: 'ready', link })

function faulty(store) {
  return {
    ...store,
    async atomic(selection, change) {
      let isDue = false
      const result = await store.atomic(selection, (rows) => {
        const decision = change(rows)
        isDue = fault !== undefined && (decision.changes.notifications?.length ?? 0) > 0
        if (isDue && fault === 'before') kill()
        return decision
      })
      if (isDue) kill()
      return result
    },
    // What was not stored is not known of.
    swapClean: async (clean) => (await store.swapClean(clean)) || wrong === 'forgetsCrashes',
  }
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

process.on('message', async ({ tag, when }) => {
  if (tag === 'fault') {
    fault = when
    process.send({ tag })
  }
  if (tag === 'status') process.send({ tag, status: await server.status() })
  if (tag === 'close') await server.close()
})
process.on('disconnect', () => process.exit())
