// A process of its own with several parties, which it closes and opens again when it is told to.
import { Party } from './party.mjs'

const parties = new Map()
/** One thing after the other for each party. */
const turns = new Map()

const send = (message) => process.connected && process.send(message, () => {})

async function open(job) {
  const { name } = job
  const onLink = (link, key) => send({ link, key })
  parties.set(name, await Party.open(job, { onLink, onDone: () => send({ done: name }) }))
}

function take(name, work) {
  const turn = (turns.get(name) ?? Promise.resolve()).then(work)
  turns.set(name, turn)
}

const handlers = {
  open: (job) => take(job.name, () => open(job)),
  join: ({ name, key, link }) => take(name, () => parties.get(name).join(key, link)),
  restart: (name) =>
    take(name, async () => {
      const party = parties.get(name)
      await party.close()
      await open(party.job)
    }),
  async end() {
    clearInterval(progress)
    await Promise.all(turns.values())
    await Promise.all([...parties.values()].map((party) => party.close()))
    process.disconnect()
  },
}

const progress = setInterval(() => {
  const received = [...parties.values()].filter(({ isClosing }) => !isClosing).map(({ book }) => book.receivedCount())
  send({ received: received.reduce((sum, count) => sum + count, 0) })
}, 1000)

process.on('message', async ({ tag, value }) => {
  await handlers[tag](value)
})
