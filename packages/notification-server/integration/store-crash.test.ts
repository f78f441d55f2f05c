// A process is killed in the middle of its writes: what it was told to be written is there, and nothing is there by half.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openPostgresNotificationStore } from '../src/postgres.js'
import { openSqliteNotificationStore } from '../src/sqlite.js'
import type { NotificationStore } from '../src/store.js'
import { openDatabase, titled, withoutPostgres } from '../src/testing/postgres.js'

const child = fileURLToPath(new URL('store-child.mjs', import.meta.url))

/** The numbers that it had printed when it was killed `afterMs` after the first one. */
async function killed(args: readonly string[], afterMs: number): Promise<number[]> {
  const writer = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  const ended = once(writer, 'close')
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output === '') setTimeout(() => writer.kill('SIGKILL'), afterMs)
    output += text
  })
  await ended
  // A line that is cut was not told.
  const numbers = output.split('\n').slice(0, -1).map(Number)
  expect(numbers.length).toBeGreaterThan(0)
  return numbers
}

async function check(store: NotificationStore, told: readonly number[]): Promise<void> {
  const outbox = await store.page('outbox', { limit: 1_000_000 })
  const written = outbox.map(({ createdAt }) => createdAt).sort((a, b) => a - b)
  expect(told.filter((number) => !written.includes(number))).toEqual([])
  const { notifications } = await store.read({ notifications: { subscription: outbox.map(({ token }) => token) } })
  expect(notifications.map(({ seq }) => seq)).toEqual(written)
  expect((await store.deadLetters(1))[0]?.at).toBe(written.at(-1))
  expect(await store.swapClean(false)).toBe(false)
}

it.each([
  ['not encrypted', ''],
  ['encrypted', '11'.repeat(32)],
])('SQLite, %s, loses nothing that settled, and keeps nothing by half', async (_name, hex) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smpkit-store-'))
  const file = path.join(folder, 'notification.db')
  const told: number[] = []
  for (let round = 0; round < 4; round++) {
    told.push(...(await killed(['sqlite', file, hex], Math.random() * 150)))
    const options = hex === '' ? {} : { key: Buffer.from(hex, 'hex') }
    const store = await openSqliteNotificationStore(new Database(file), options)
    await check(store, told)
    await store.close()
  }
  fs.rmSync(folder, { recursive: true })
})

describe.skipIf(withoutPostgres)(titled('loses nothing that settled'), () => {
  it('when its processes are killed, and a stand-by that waits has it all', async () => {
    const database = await openDatabase()
    const schema = await database.schema()
    const told: number[] = []
    for (let round = 0; round < 4; round++) {
      told.push(...(await killed(['postgres', database.url, schema.name], Math.random() * 150)))
      const store = await openPostgresNotificationStore(schema.pool(), { waitForLock: true })
      await check(store, told)
      await store.close()
    }
    await schema.remove()
    await database.drop()
  })
})
