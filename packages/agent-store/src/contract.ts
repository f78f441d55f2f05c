// The contract of a store, with the tables of an agent: what an agent asks of it.
import {
  type Decision as DecisionOf,
  type FoundIn,
  type QueriesOf,
  type Query as QueryOf,
  requestsOf,
  type Write as WriteOf,
} from './queries.js'
import type { TableStore } from './table-store.js'
import { type TableName, type Tables, tables } from './tables.js'

export { StoreConflict, StoreError, type StoreErrorCode } from './errors.js'
export type {
  CountQuery,
  FindAnyQuery,
  FindQuery,
  GetAllQuery,
  GetQuery,
  PageQuery,
  ReferredQuery,
} from './queries.js'
export type { StoreOptions, StoreSupports } from './table-store.js'

export type Query<N extends TableName = TableName> = QueryOf<N>
export type Queries = QueriesOf<Tables>
export type Found<Q extends Queries> = FoundIn<Tables, Q>
export type Write = WriteOf<TableName>
export type Decision<R> = DecisionOf<R, TableName>

/** Where an agent keeps its connections. One agent owns it at a time. */
export type AgentStore = TableStore<Tables>

export const {
  get,
  getAll,
  find,
  findAny,
  page,
  pageOf,
  count,
  referred,
  insert,
  put,
  putIfAbsent,
  update,
  remove,
  removeAll,
} = requestsOf(tables)
