// A process is killed while it writes to PostgreSQL: what was acknowledged is there, and nothing by half.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPostgresStore } from '../src/postgres.js'
import { type Database, openDatabase, titled, withoutPostgres } from '../src/testing/postgres.js'

/** Writes pairs of rows, eight at a time, and prints the number of each pair that the store has acknowledged. */
const writer = (url: string, schema: string, first: number) => `
  import pg from 'pg'
  import { insert } from '@smpkit/agent-store'
  import { openPostgresStore } from '@smpkit/agent-store/postgres'
  const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)}, options: '-c search_path=${schema}', pipeline: true })
  const store = await openPostgresStore(pool, { waitForLock: true })
  const connId = new Uint8Array([1])
  const empty = new Uint8Array()
  let next = ${first}
  async function work() {
    for (;;) {
      const id = next++
      const event = { eventId: id, connId, type: 'x', messageId: 0, queueNo: 0, brokerId: empty, data: empty, createdAt: 0 }
      const command = { commandNo: id, connId, tag: 'x', data: empty, createdAt: 0 }
      await store.atomic({}, () => ({ writes: [insert('events', event), insert('commands', command)], result: 0 }))
      console.log(id)
    }
  }
  for (let i = 0; i < 8; i++) work()`

describe.skipIf(withoutPostgres)(titled('outlives its processes'), () => {
  let database: Database
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  it('keeps all that was acknowledged to processes that are killed', async () => {
    const schema = await database.schema()
    const acknowledged: number[] = []
    for (let round = 0; round < 8; round++) {
      const text = writer(database.url, schema.name, 1 + round * 1_000_000)
      const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
        cwd: path.join(import.meta.dirname, '..'),
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const lines = createInterface({ input: child.stdout })
      lines.on('line', (line) => acknowledged.push(Number(line)))
      await once(lines, 'line')
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100))
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    const store = await openPostgresStore(schema.pool(), { waitForLock: true })
    const events = new Set<number>()
    const commands = new Set<number>()
    for await (const page of store.pages('events')) for (const { eventId } of page) events.add(eventId)
    for await (const page of store.pages('commands')) for (const { commandNo } of page) commands.add(commandNo)
    expect(acknowledged.filter((id) => !events.has(id))).toEqual([])
    expect(commands).toEqual(events)
    await store.close()
    await schema.remove()
  })
})
