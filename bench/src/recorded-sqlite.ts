// Files of SQLite, with the settings of the store: its steps recorded, and carried out again by the bare library.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqliteStore, type SqliteDatabase, type SqliteStatement } from '@smpkit/agent-store/sqlite'
import { type RecordedStorage, Recorder } from './recorded.js'
import { openDatabase } from './sqlite.js'

function recording(database: SqliteDatabase, recorder: Recorder): SqliteDatabase {
  function prepare(text: string): SqliteStatement {
    const statement = database.prepare(text)
    const run = (...values: unknown[]) => {
      if (text === 'SAVEPOINT job') recorder.begin()
      else if (text === 'RELEASE job') recorder.end()
      else recorder.write(text, values)
      return statement.run(...values)
    }
    return { run, all: (...values) => statement.all(...values) }
  }
  return { prepare, exec: (sql) => database.exec(sql), close: () => database.close() }
}

export async function recordedSqlite(): Promise<RecordedStorage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-bench-'))
  const [file, copyFile] = [path.join(folder, 'agent.db'), path.join(folder, 'copy.db')]
  const recorder = new Recorder()
  const statements = new Map<string, SqliteStatement>()
  let copy: SqliteDatabase | undefined

  function prepared(text: string): SqliteStatement {
    if (!copy) throw new Error('expected a copy to have been made')
    const statement = statements.get(text) ?? copy.prepare(text)
    statements.set(text, statement)
    return statement
  }

  return {
    open: () => openSqliteStore(recording(openDatabase(file), recorder)),
    async copy() {
      copyFileSync(file, copyFile)
      copy = openDatabase(copyFile)
      copy.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      recorder.take()
    },
    take: () => recorder.take(),
    async replay(steps) {
      for (const step of steps) {
        prepared('BEGIN IMMEDIATE').run()
        for (const { text, values } of step) prepared(text).run(...values)
        prepared('COMMIT').run()
      }
    },
    async [Symbol.asyncDispose]() {
      copy?.close()
      rmSync(folder, { recursive: true })
    },
  }
}
