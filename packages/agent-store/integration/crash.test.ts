// A process is killed in the middle of its writes: what it was told to be written is there, and nothing is there by half.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AgentStore, find, insert } from '@smpkit/agent-store'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const child = fileURLToPath(new URL('store-child.mjs', import.meta.url))
const connId = new Uint8Array(12)
const hexKey = '11'.repeat(32)

let folder: string
let file: string

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smpkit-store-'))
  file = path.join(folder, 'agent.db')
})

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

/** What it had printed, line by line, when it was killed `afterMs` after its first line. */
async function killed(args: readonly string[], afterMs: number): Promise<string[]> {
  const writer = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  const ended = once(writer, 'close')
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output === '') setTimeout(() => writer.kill('SIGKILL'), afterMs)
    output += text
  })
  await ended
  // A line that is cut was not told.
  return output.split('\n').slice(0, -1)
}

async function check(store: AgentStore, told: readonly number[]): Promise<void> {
  const { events, deliveries, commands } = await store.read({
    events: find('events', 'byConnection', { connId }),
    deliveries: find('deliveries', 'byConnection', { connId }),
    commands: find('commands', 'byConnection', { connId }),
  })
  const ids = events.map(({ eventId }) => eventId)
  expect(ids).toEqual(expect.arrayContaining([...told]))
  expect(deliveries.map(({ messageId }) => messageId)).toEqual(ids)
  expect(commands.map(({ tag }) => tag)).toEqual([String(ids.at(-1))])
  for (const { eventId, data } of events) expect(data.every((byte) => byte === eventId % 256)).toBe(true)
}

describe.each([
  ['not encrypted', ''],
  ['encrypted', hexKey],
])('a process with a database that is %s', (_name, key) => {
  it('loses nothing that it was told, and leaves nothing by half, when it is killed at any time', async () => {
    const told: number[] = []
    for (let round = 0; round < 5; round++) {
      const lines = await killed(['write', file, key], Math.random() * 150)
      told.push(...lines.map(Number))
      expect(lines.length).toBeGreaterThan(0)
      const store = await openSqliteStore(new Database(file), key === '' ? {} : { key: Buffer.from(key, 'hex') })
      await check(store, told)
      await store.close()
    }
  })
})

it('a process that is killed while it changes the key leaves the old one or the new one', async () => {
  const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const body = (messageId: number) => new Uint8Array(2000).fill(messageId)
  const first = await openSqliteStore(new Database(file), { key: keys[0] })
  const rows = Array.from({ length: 300 }, (_, skippedNo) => ({ connId, skippedNo, key: body(skippedNo) }))
  await first.atomic({}, () => ({ writes: rows.map((row) => insert('skippedKeys', row)), result: undefined }))
  await first.close()
  let current = '01'.repeat(32)
  for (let round = 0; round < 5; round++) {
    await killed(['rekey', file, current], Math.random() * 200)
    const stores: AgentStore[] = []
    for (const key of keys) {
      const opening = openSqliteStore(new Database(file), { key })
      const store = await opening.catch((error: unknown) => {
        expect(error).toMatchObject({ code: stores.length === 0 ? 'KEY' : 'LOCKED' })
      })
      if (store === undefined) continue
      stores.push(store)
      current = Buffer.from(key).toString('hex')
    }
    expect(stores).toHaveLength(1)
    for (const store of stores) {
      const { found } = await store.read({ found: find('skippedKeys', 'byConnection', { connId }) })
      expect(found).toHaveLength(rows.length)
      expect(found.every(({ skippedNo, key }) => key.every((byte) => byte === skippedNo % 256))).toBe(true)
      await store.close()
    }
  }
})
