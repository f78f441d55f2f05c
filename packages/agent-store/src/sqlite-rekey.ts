// Another key for all secrets of a database, within the caller's transaction.
import type { Cells } from './cells.js'
import { put } from './contract.js'
import { fromStored } from './layout.js'
import { type AnyRow, defaultPageSize, definitionOf, tableNames } from './rows.js'
import type { Sql } from './sql.js'
import type { SqliteDriver } from './sqlite-driver.js'
import { setMeta } from './sqlite-open.js'
import type { Row, TableName } from './tables.js'

/** Old pages keep what they held until `removeOldPages`: a mark sees to that, should the process end before. */
export function encryptAnew(driver: SqliteDriver, sql: Sql, before: Cells, next: Cells): void {
  for (const table of tableNames) {
    if (Object.values(definitionOf(table).columns).some(({ secret }) => secret)) encryptTable(table)
  }
  setMeta(driver, 'keyId', next.keyId)
  setMeta(driver, 'vacuum', 'yes')

  function encryptTable(table: TableName): void {
    let after: AnyRow | undefined
    do {
      const rows: AnyRow[] = driver
        .all(sql.page(table, after, defaultPageSize))
        .map((stored) => fromStored(table, stored, before))
      for (const row of rows) driver.run(sql.write(put(table, row as unknown as Row<TableName>), next))
      after = rows.at(-1)
    } while (after !== undefined)
  }
}
