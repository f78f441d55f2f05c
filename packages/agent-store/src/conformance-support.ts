// What the conformance suite works with: its own assertions, and rows made from the descriptions of the tables.
import { type AgentStore, StoreError, type StoreErrorCode, type Write } from './contract.js'
import type { AnyRow } from './queries.js'
import type { Column } from './table.js'
import { type Key, type Row, type TableName, tables } from './tables.js'

/** What a test runner gives; vitest, `node:test` and mocha do. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown
  it(name: string, body: () => Promise<void>): unknown
}

/** A store that is empty, for one test. */
export interface StoreUnderTest {
  readonly store: AgentStore
  /** Closes the store and opens again what it has kept: nothing, where it is not durable. */
  reopen(): Promise<AgentStore>
  /** All that it has kept, as it lies on the disk. Without it, encryption is not tested. */
  stored?(): Promise<Uint8Array>
  /** Closes what is open and removes what was kept. */
  remove(): Promise<void>
}

/** Defines a test that has a store of its own. */
export type StoreTest = (name: string, body: (test: StoreUnderTest) => Promise<void>) => void

export function storeTests({ it }: TestRunner, open: () => Promise<StoreUnderTest>): StoreTest {
  return (name, body) => {
    it(name, async () => {
      const test = await open()
      try {
        await body(test)
      } finally {
        await test.remove()
      }
    })
  }
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return false
    return a.length === b.length && a.every((byte, i) => byte === b[i])
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [before, after] = [a as AnyRow, b as AnyRow]
  const names = Object.keys(before)
  return names.length === Object.keys(after).length && names.every((name) => isEqual(before[name], after[name]))
}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_name, item) =>
    item instanceof Uint8Array ? `${item.length} bytes: ${item.slice(0, 40)}` : item,
  )?.slice(0, 2000) ?? String(value)

/** Bytes are equal by what they hold, all else as in JSON. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!isEqual(actual, expected)) throw new Error(`${what}: expected ${shown(expected)}, got ${shown(actual)}`)
}

export async function failure(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error(`${what}: expected it to be rejected, and it was not`)
}

export async function rejects(promise: Promise<unknown>, code: StoreErrorCode, what: string): Promise<void> {
  const error = await failure(promise, what)
  if (!(error instanceof StoreError)) throw new Error(`${what}: expected a StoreError, got another`, { cause: error })
  equal({ code: error.code, temporary: error.temporary }, { code, temporary: false }, what)
  equal(error.name, code === 'CONFLICT' ? 'StoreConflict' : 'StoreError', `${what}: name`)
}

export async function write(store: AgentStore, ...writes: readonly Write[]): Promise<void> {
  await store.atomic({}, () => ({ writes, result: undefined }))
}

export async function allRows<N extends TableName>(store: AgentStore, table: N, size?: number): Promise<Row<N>[]> {
  const rows: Row<N>[] = []
  for await (const page of store.pages(table, size === undefined ? {} : { size })) rows.push(...page)
  return rows
}

/** As many bytes as wanted, which differ by the number. */
export function bytesOf(number: number, length = 12): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (number * 31 + i * 7 + (number >> 8)) & 0xff)
}

function madeValue(column: Column, number: number): unknown {
  switch (column.type) {
    case 'bytes':
      return bytesOf(number)
    case 'int':
      return number
    case 'bool':
      return number % 2 === 1
    case 'text':
      return `text ${number}`
  }
}

/** A row whose values come from `number`, but for those that are given. */
export function sample<N extends TableName>(table: N, number: number, values: Partial<Row<N>> = {}): Row<N> {
  const columns = Object.entries(tables[table].columns)
  const row = Object.fromEntries(columns.map(([name, column], i) => [name, madeValue(column, number + i)]))
  return { ...row, ...values } as Row<N>
}

export const tableNames = Object.keys(tables) as TableName[]

export function keyOf<N extends TableName>(table: N, row: Row<N>): Key<N> {
  const values = row as AnyRow
  return Object.fromEntries(tables[table].key.map((name) => [name, values[name]])) as Key<N>
}
