// Another key for all secrets of a database, within the caller's transaction.
import type { Cells } from './cells.js'
import { put } from './contract.js'
import { fromStored, tableName } from './layout.js'
import { clearMeta, setMeta } from './postgres-owner.js'
import { type Session, statement } from './postgres-session.js'
import { type AnyRow, definitionOf, tableNames } from './rows.js'
import type { Sql } from './sql.js'
import type { Row, TableName } from './tables.js'

/** Rows of up to 16 KB that are in memory at a time. */
const pageSize = 200

const withSecrets = tableNames.filter((table) =>
  Object.values(definitionOf(table).columns).some(({ secret }) => secret),
)

/** The old versions of rows stay where they were until `removeOldRows`: a mark sees to that, should the process end before. */
export async function encryptAnew(session: Session, sql: Sql, before: Cells, next: Cells): Promise<void> {
  for (const table of withSecrets) {
    let after: AnyRow | undefined
    do {
      const [stored] = await session.run([sql.page(table, after, pageSize)])
      const rows: AnyRow[] = (stored ?? []).map((row) => fromStored(table, row, before))
      await session.run(rows.map((row) => sql.write(put(table, row as unknown as Row<TableName>), next)))
      after = rows.at(-1)
    } while (after !== undefined)
  }
  await session.run([setMeta('keyId', next.keyId), setMeta('vacuum', 'yes')])
}

/** Writes the tables anew, into new files. */
export async function removeOldRows(session: Session): Promise<void> {
  for (const table of withSecrets) await session.run([statement(`VACUUM (FULL) "${tableName(table)}"`)])
  await session.run([clearMeta('vacuum')])
}
