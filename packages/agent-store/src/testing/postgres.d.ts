import pg from 'pg'
import { type PostgresServer } from '../../../../scripts/postgres.mjs'
import type { StoreUnderTest } from '../conformance.js'
import { type PostgresStore, type PostgresStoreOptions } from '../postgres.js'
/** For `describe.skipIf`. */
export declare const withoutPostgres: boolean
/** `PostgreSQL …`, with the reason why it did not run. */
export declare const titled: (title: string) => string
export interface Schema {
  readonly name: string
  /** For connections to it. */
  pool(more?: pg.PoolConfig): pg.Pool
  /** Also ends its pools. */
  remove(): Promise<void>
}
export interface Database {
  readonly url: string
  /** One statement on a connection of its own. */
  ask(text: string, values?: unknown[]): Promise<pg.QueryResultRow[]>
  schema(): Promise<Schema>
  drop(): Promise<void>
}
/** One for each test file, with a schema for each test. */
export declare function openDatabase(server?: PostgresServer): Promise<Database>
export declare function openForSuite(
  database: Database,
  options: PostgresStoreOptions,
  more?: pg.PoolConfig,
): Promise<
  StoreUnderTest & {
    readonly store: PostgresStore
  }
>
//# sourceMappingURL=postgres.d.ts.map
