// Another key for all secrets of a database, within the caller's transaction.
import type { Cells } from './cells.js'
import { fromStored, tableName } from './layout.js'
import { clearMeta, setMeta } from './postgres-owner.js'
import { type Session, statement } from './postgres-session.js'
import type { AnyRow } from './queries.js'
import { valuesOf } from './rows.js'
import type { Schema } from './schema.js'
import type { Sql } from './sql.js'

/** Rows of up to 16 KB that are in memory at a time. */
const pageSize = 200

const withSecrets = ({ tables }: Schema): string[] =>
  Object.keys(tables).filter((table) => Object.values(tables[table]?.columns ?? {}).some(({ secret }) => secret))

/** The old versions of rows stay where they were until `removeOldRows`: a mark sees to that, should the process end before. */
export async function encryptAnew(
  session: Session,
  schema: Schema,
  sql: Sql,
  before: Cells,
  next: Cells,
): Promise<void> {
  for (const table of withSecrets(schema)) {
    const layout = sql.layout(table)
    let after: AnyRow | null = null
    do {
      const page = { table, after: after && valuesOf(layout.definition.key, after), limit: pageSize }
      const [stored] = await session.run(sql.query(page, before))
      const rows: AnyRow[] = (stored ?? []).map((row) => fromStored(layout, row, before))
      await session.run(
        sql.writes(
          rows.map((row) => ({ op: 'put', table, row })),
          next,
        ),
      )
      after = rows.at(-1) ?? null
    } while (after !== null)
  }
  await session.run([setMeta(schema, 'keyId', next.keyId), setMeta(schema, 'vacuum', 'yes')])
}

/** Writes the tables anew, into new files. */
export async function removeOldRows(session: Session, schema: Schema): Promise<void> {
  for (const table of withSecrets(schema)) await session.run([statement(`VACUUM (FULL) "${tableName(schema, table)}"`)])
  await session.run([clearMeta(schema, 'vacuum')])
}
