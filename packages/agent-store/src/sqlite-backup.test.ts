import fs from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allRows, bytesOf, failure, sample, write } from './conformance-support.js'
import { insert, update } from './contract.js'
import { openSqliteStore } from './sqlite.js'
import type { Row } from './tables.js'
import { libraries, noLibrary, openFile, temporaryFolder } from './testing/sqlite.js'

const connection = (number: number, values: Partial<Row<'connections'>> = {}) =>
  sample('connections', number, { synchronization: 'ok', ...values })
const ratchet = (number: number, state: Uint8Array | null) => sample('ratchets', number, { version: 1, state })

// The second has no ratchet yet, the third none at all.
const writes = [
  insert('connections', connection(1)),
  insert('connections', connection(2)),
  insert('connections', connection(3)),
  insert('ratchets', ratchet(1, bytesOf(1, 600))),
  insert('ratchets', ratchet(2, null)),
  insert('messages', sample('messages', 1)),
  insert('deliveries', sample('deliveries', 1)),
]
const synchronizations = async (store: Parameters<typeof allRows>[0]) =>
  (await allRows(store, 'connections')).map(({ synchronization }) => synchronization)

let folder: ReturnType<typeof temporaryFolder>
let file: string
let copy: string

beforeEach(() => {
  folder = temporaryFolder()
  file = `${folder.path}/agent.db`
  copy = `${folder.path}/copy.db`
})

afterEach(() => folder.remove())

describe.each(Object.entries(libraries))('a backup with %s', (_name, open) => {
  if (open === undefined) {
    it('did not run', ({ skip }) => skip(noLibrary))
    return
  }

  it('requires the connections with a ratchet to be synchronized, once, and keeps all else', async () => {
    const store = await openSqliteStore(open(file))
    await write(store, ...writes)
    await store.backup(copy)
    expect(await synchronizations(store)).toEqual(['ok', 'ok', 'ok'])
    await write(store, insert('events', sample('events', 1)))

    const restored = await openSqliteStore(open(copy))
    expect(await synchronizations(restored)).toEqual(['restored', 'ok', 'ok'])
    for (const table of ['ratchets', 'messages', 'deliveries'] as const) {
      expect(await allRows(restored, table)).toStrictEqual(await allRows(store, table))
    }
    expect(await allRows(restored, 'events')).toEqual([])
    await write(restored, update('connections', { connId: connection(1).connId }, { synchronization: 'ok' }))
    await restored.close()

    const again = await openSqliteStore(open(copy))
    expect(await synchronizations(again)).toEqual(['ok', 'ok', 'ok'])
    await Promise.all([again.close(), store.close()])
  })
})

describe('a backup', () => {
  it('has the key of the store, and is for its owner only', async () => {
    const key = new Uint8Array(32).fill(5)
    const store = await openSqliteStore(openFile(file), { key })
    await write(store, ...writes)
    await store.backup(copy)
    await store.close()
    expect(fs.statSync(copy).mode & 0o777).toBe(0o600)
    await expect(openSqliteStore(openFile(copy))).rejects.toThrow(expect.objectContaining({ code: 'KEY' }))
    const restored = await openSqliteStore(openFile(copy), { key })
    expect(await allRows(restored, 'messages')).toStrictEqual([sample('messages', 1)])
    await restored.close()
  })

  it('can be made of a copy that has a mark already, and of a database in memory', async () => {
    const store = await openSqliteStore(openFile(':memory:'))
    await write(store, ...writes)
    await store.backup(copy)
    await store.close()
    const restored = await openSqliteStore(openFile(copy))
    await restored.backup(`${copy}.2`)
    await restored.close()
    const second = await openSqliteStore(openFile(`${copy}.2`))
    expect(await synchronizations(second)).toEqual(['restored', 'ok', 'ok'])
    await second.close()
  })

  it('never replaces a file, nor leaves a part of one', async () => {
    const store = await openSqliteStore(openFile(file))
    fs.writeFileSync(copy, 'mine')
    expect(await failure(store.backup(copy), 'a file')).toMatchObject({ name: 'StoreError', code: 'INVALID' })
    expect(fs.readFileSync(copy, 'utf8')).toBe('mine')
    const nowhere = await failure(store.backup(`${folder.path}/nowhere/copy.db`), 'no folder')
    expect(nowhere).toMatchObject({ name: 'StoreError', code: 'UNAVAILABLE', temporary: true })
    fs.writeFileSync(`${folder.path}/other.db.part`, 'of a process that was killed')
    await store.backup(`${folder.path}/other.db`)
    await store.close()
    expect(fs.readdirSync(folder.path).sort()).toEqual(['agent.db', 'copy.db', 'other.db'])
  })
})

it('a copy that was made in another way is marked by the operator', async () => {
  const store = await openSqliteStore(openFile(file))
  await write(store, ...writes)
  await store.close()
  fs.copyFileSync(file, copy)
  const restored = await openSqliteStore(openFile(copy))
  expect(await synchronizations(restored)).toEqual(['ok', 'ok', 'ok'])
  await restored.markRestored()
  expect(await synchronizations(restored)).toEqual(['restored', 'ok', 'ok'])
  await restored.close()
})
