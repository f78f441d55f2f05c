// The library for SQLite, whose types are not in this package.
import { createRequire } from 'node:module'
import type { SqliteDatabase } from '@smpkit/agent-store/sqlite'

const Database = createRequire(import.meta.url)('better-sqlite3') as new (file: string) => SqliteDatabase

export const openDatabase = (file: string): SqliteDatabase => new Database(file)
