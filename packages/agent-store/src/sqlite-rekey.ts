// Another key for all secrets of a database, within the caller's transaction.
import type { Cells } from './cells.js'
import { fromStored } from './layout.js'
import type { AnyRow } from './queries.js'
import { defaultPageSize, valuesOf } from './rows.js'
import type { Schema } from './schema.js'
import type { Sql } from './sql.js'
import type { SqliteDriver } from './sqlite-driver.js'
import { setMeta } from './sqlite-open.js'

/** Old pages keep what they held until `removeOldPages`: a mark sees to that, should the process end before. */
export function encryptAnew(driver: SqliteDriver, schema: Schema, sql: Sql, before: Cells, next: Cells): void {
  for (const [table, { columns }] of Object.entries(schema.tables)) {
    if (Object.values(columns).some(({ secret }) => secret)) encryptTable(table)
  }
  setMeta(driver, schema, 'keyId', next.keyId)
  setMeta(driver, schema, 'vacuum', 'yes')

  function encryptTable(table: string): void {
    let after: AnyRow | null = null
    do {
      const page = { table, after: after && valuesOf(sql.layout(table).definition.key, after), limit: defaultPageSize }
      const stored: AnyRow[] = sql.query(page, before).flatMap((statement) => driver.all(statement))
      const rows: AnyRow[] = stored.map((row) => fromStored(sql.layout(table), row, before))
      const writes = rows.map((row) => ({ op: 'put', table, row }) as const)
      for (const statement of sql.writes(writes, next)) driver.run(statement)
      after = rows.at(-1) ?? null
    } while (after !== null)
  }
}
