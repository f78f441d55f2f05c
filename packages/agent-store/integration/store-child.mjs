// A process of its own that has a store of SQLite: `hold FILE`, or `write FILE KEY` until it is killed.
import { insert, put } from '@smpkit/agent-store'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import Database from 'better-sqlite3'

const [command, file, key] = process.argv.slice(2)
const connId = new Uint8Array(12)

function eventOf(eventId) {
  const data = new Uint8Array(500).fill(eventId % 256)
  const brokerId = new Uint8Array()
  return { eventId, connId, type: 'MSG', messageId: eventId, queueNo: 1, brokerId, data, createdAt: 0 }
}

/** One that was told as written is there, with all that belongs to it: the test checks both. */
async function writeOne(store, number) {
  const hash = new Uint8Array(32).fill(number % 256)
  await store.atomic({}, () => ({
    writes: [
      insert('events', eventOf(number)),
      put('commands', { commandNo: 1, connId, tag: String(number), data: hash, createdAt: number }),
      insert('deliveries', { connId, queueNo: 1, messageId: number, fastDelay: 0, slowDelay: 0 }),
    ],
    result: undefined,
  }))
  process.stdout.write(`${number}\n`)
}

const store = await openSqliteStore(new Database(file), key ? { key: Buffer.from(key, 'hex') } : {})
if (command === 'hold') {
  await writeOne(store, 1)
  setInterval(() => {}, 1000)
}
if (command === 'rekey') {
  process.stdout.write('started\n')
  for (let round = 0; ; round++) await store.rekey(new Uint8Array(32).fill(1 + (round % 2)))
}
if (command === 'write') {
  const first = (await store.last('events')) + 1
  // Several at the same time, so that they share transactions.
  for (let number = first; ; number += 5) {
    await Promise.all([0, 1, 2, 3, 4].map((i) => writeOne(store, number + i)))
  }
}
