// A process of its own that writes to a store until it is killed: `sqlite FILE KEY`, or `postgres URL SCHEMA`.
import { openPostgresNotificationStore } from '@smpkit/notification-server/postgres'
import { openSqliteNotificationStore } from '@smpkit/notification-server/sqlite'
import Database from 'better-sqlite3'
import pg from 'pg'

const [kind, where, more] = process.argv.slice(2)

async function open() {
  if (kind === 'sqlite') {
    return openSqliteNotificationStore(new Database(where), more ? { key: Buffer.from(more, 'hex') } : {})
  }
  const pool = new pg.Pool({ connectionString: where, options: `-c search_path=${more}`, pipeline: true })
  return openPostgresNotificationStore(pool, { waitForLock: true })
}

const store = await open()
await store.swapClean(false)
const [last] = await store.deadLetters(1)

/** Three rows that are written together. What was told as written is there. */
async function writeOne(number) {
  const id = `id ${number}`
  await store.atomic({}, () => ({
    changes: {
      notifications: [{ subscription: id, token: id, seq: number, text: `item ${number}`, sent: false }],
      outbox: [
        { id, token: id, kind: 'message', provider: 'x', createdAt: number, dueAt: 0, attempts: 0, reason: null },
      ],
      deadLetters: [{ at: number, token: id, provider: 'x', kind: 'check', attempts: 1, reason: 'x' }],
    },
    result: undefined,
  }))
  process.stdout.write(`${number}\n`)
}

// Several at the same time, so that they share transactions.
for (let number = (last?.at ?? 0) + 1; ; number += 5) {
  await Promise.all([0, 1, 2, 3, 4].map((i) => writeOne(number + i)))
}
