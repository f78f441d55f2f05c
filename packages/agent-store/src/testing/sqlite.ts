// The three libraries for SQLite, as far as they are there, and stores in files that go away with the test.
import fs from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import type { StoreUnderTest } from '../conformance.js'
import { openSqliteStore, type SqliteDatabase } from '../sqlite.js'

const require = createRequire(import.meta.url)

type OpenDatabase = (file: string) => SqliteDatabase

/** `undefined` where this Node.js has no such library. */
export const libraries: Readonly<Record<string, OpenDatabase | undefined>> = {
  'better-sqlite3': (file) => new (require('better-sqlite3'))(file),
  libsql: (file) => new (require('libsql'))(file),
  'node:sqlite': isBuiltin('node:sqlite') ? (file) => new (require('node:sqlite').DatabaseSync)(file) : undefined,
}

/** Why its tests are skipped. */
export const noLibrary = `this Node.js (${process.version}) has not this library`

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smpkit-store-'))
  return { path: folder, remove: () => fs.rmSync(folder, { recursive: true, force: true }) }
}

/** All bytes of a database's files. */
export const bytesOfDatabase = (file: string): Buffer =>
  Buffer.concat([file, `${file}-wal`].filter((name) => fs.existsSync(name)).map((name) => fs.readFileSync(name)))

/** A library that is there on every Node.js, in tests of what does not depend on it. */
export function openFile(file: string): SqliteDatabase {
  return new (require('better-sqlite3'))(file)
}

export async function openForSuite(open: OpenDatabase, key: Uint8Array | null): Promise<StoreUnderTest> {
  const folder = temporaryFolder()
  const file = path.join(folder.path, 'agent.db')
  let store = await openSqliteStore(open(file), { key })
  return {
    store,
    async reopen() {
      await store.close()
      store = await openSqliteStore(open(file), { key })
      return store
    },
    stored: async () => bytesOfDatabase(file),
    async remove() {
      await store.close()
      folder.remove()
    },
  }
}
