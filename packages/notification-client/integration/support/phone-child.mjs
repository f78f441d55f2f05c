// A phone's application in a process of its own, which can be killed. What it is to reach comes as JSON in its arguments, then by messages.
import fs from 'node:fs'
import path from 'node:path'
import { openNotificationClient } from '@smpkit/notification-client'
import { openAgent } from '@smpkit/smp-agent'
import { openAgentFile } from './agent-file.mjs'

const { folder, smp, ntf, provider, dieAt, when, goal } = JSON.parse(process.argv[2])
const reconnect = { firstDelay: 20, maxDelay: 100 }
let writes = 0

/** Each value in a file of its own. The process may have to die at a write. */
function fileState(place) {
  fs.mkdirSync(place, { recursive: true })
  const fileOf = (key) => path.join(place, encodeURIComponent(key))
  const dying = (write) => {
    const isLast = ++writes === dieAt
    if (isLast && when === 'before') process.kill(process.pid, 'SIGKILL')
    write()
    if (isLast) process.kill(process.pid, 'SIGKILL')
  }
  const read = (file) => JSON.parse(fs.readFileSync(file, 'utf8'))
  const names = () => fs.readdirSync(place).filter((name) => !name.endsWith('.new'))
  return {
    get: async (key) => (fs.existsSync(fileOf(key)) ? read(fileOf(key)) : undefined),
    put: async (key, value) =>
      dying(() => {
        fs.writeFileSync(`${fileOf(key)}.new`, JSON.stringify(value), { flush: true })
        fs.renameSync(`${fileOf(key)}.new`, fileOf(key))
      }),
    remove: async (key) => dying(() => fs.rmSync(fileOf(key), { force: true })),
    list: async () => names().map((name) => [decodeURIComponent(name), read(path.join(place, name))]),
  }
}

const store = await openAgentFile(folder)
const agent = await openAgent({ store, servers: [smp], pqSupport: false, pool: { reconnect } })
const clock = {
  now: () => performance.now(),
  schedule(callback, delay) {
    const timer = setTimeout(callback, Math.min(delay / 100, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  },
}
const open = (more) =>
  openNotificationClient({
    agent,
    server: ntf,
    state: fileState(path.join(folder, 'state')),
    clock,
    ntf: { reconnect },
    ...more,
  })
const deviceOf = ({ token }) => (token === null ? {} : { device: { provider, token } })
const client = await open({ ...deviceOf(goal), ...(goal.token !== null && { mode: goal.mode }) })

void (async () => {
  for await (const event of agent.events()) {
    if (!(await client.handle(event))) await event.ack()
  }
})().catch(() => {})

/** No token: none is wanted any more. */
async function reach({ token, mode, subscribed }) {
  if (token === null) {
    await client.unregister()
    await agent.close()
    await store.close()
    process.send({ tag: 'reached', writes }, () => process.exit())
    return
  }
  await client.setDevice({ provider, token })
  await client.setMode(mode)
  for await (const status of client.changes()) {
    if (status.phase === 'ready' && status.subscribed === subscribed && !status.problem) break
  }
  process.send({ tag: 'reached', writes })
}

process.on('message', (told) => {
  if (told.tag === 'push') void client.received(told.data).catch(() => {})
  if (told.tag === 'goal') void reach(told.goal)
})
process.on('disconnect', () => process.exit())
process.send({ tag: 'running' })
void reach(goal)
