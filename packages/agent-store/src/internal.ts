export { StoreConflict, StoreError, type StoreErrorCode } from './errors.js'
export { openMemoryTables } from './memory-tables.js'
export { openPostgresTables, type PostgresOptions, type PostgresTables } from './postgres-tables.js'
export {
  type AnyRow,
  type CountQuery,
  type Decision,
  type FindAnyQuery,
  type FindQuery,
  type FirstQuery,
  type FoundIn,
  type GetAllQuery,
  type GetQuery,
  type NameOf,
  type PageQuery,
  type QueriesOf,
  type Query,
  type ReferredQuery,
  type Requests,
  type RowsQuery,
  requestsOf,
  type Write,
} from './queries.js'
export type { Migration, Schema } from './schema.js'
export { openSqliteTables, type SqliteOptions, type SqliteTables } from './sqlite-tables.js'
export {
  bool,
  bytes,
  type Column,
  int,
  type KeyOf,
  lookup,
  nullable,
  type RowOf,
  secret,
  type TableDefinition,
  type TableSet,
  table,
  text,
} from './table.js'
export type { StoreOptions, StoreSupports, TableStore } from './table-store.js'
