// Writes as SQL. Where a statement takes lists, neighbours of the same kind are one statement.
import type { Cells } from './cells.js'
import { type DriverValue, type Layout, type StoredColumn, toStored } from './layout.js'
import { keyText } from './order.js'
import type { AnyRow, Write } from './queries.js'
import { list, matched, quote, rowsOfLists, type SqlContext, unnest, type WriteStatement } from './sql-text.js'

/** How many rows share a statement: one of 16 KB rows then still is a message that a server takes. */
const mostRows = 1000

interface Single {
  readonly text: string
  readonly values: readonly DriverValue[]
  readonly conflict?: string
  /** The text for lists of the values. */
  readonly many: () => string
  /** Rows with the same one cannot be in one statement. */
  readonly key?: () => string
}

export function createWriteSql({ dialect, layout: layoutOf, text }: SqlContext) {
  const { placeholder } = dialect
  const equal = (columns: readonly StoredColumn[], first: number) =>
    columns.map(({ name }, i) => `${quote(name)} = ${placeholder(first + i)}`)
  function insertion(layout: Layout, op: string, row: AnyRow, cells: Cells): Single {
    const { table, columns, name, definition } = layout
    const key = list(layout.compared(definition.key))
    const into = `INSERT INTO ${quote(name)} (${list(columns)})`
    const onConflict = () => {
      if (op === 'insert') return 'ON CONFLICT DO NOTHING'
      const others = columns.filter(({ inKey }) => !inKey)
      if (op === 'putIfAbsent') return `ON CONFLICT (${key}) DO NOTHING`
      return `ON CONFLICT (${key}) DO UPDATE SET ${others.map((of) => `${quote(of.name)} = excluded.${quote(of.name)}`).join(', ')}`
    }
    const values = columns.map((_, i) => placeholder(i + 1)).join(', ')
    return {
      text: text(`${op} ${table}`, () => `${into} VALUES (${values}) ${onConflict()}`),
      many: () => text(`${op} many ${table}`, () => `${into} SELECT * FROM ${unnest(columns)} ${onConflict()}`),
      values: toStored(layout, columns, row, row, cells),
      key: () => keyText(definition.key, row),
      ...(op === 'insert' ? { conflict: `${table}: the row to insert is already there` } : {}),
    }
  }

  function updating(layout: Layout, { key, changes }: Extract<Write, { op: 'update' }>, cells: Cells): Single {
    const { table, columns, definition } = layout
    const changed = columns.filter(({ of }) => Object.hasOwn(changes, of))
    const versions = definition.versioned ? columns.filter(({ of }) => of === 'version') : []
    const compared = [...layout.compared(definition.key), ...versions]
    const id = `${table} ${changed.map(({ name }) => name)}`
    const set = () => equal(changed, 1).join(', ')
    const where = () => equal(compared, changed.length + 1).join(' AND ')
    const setMany = () => changed.map(({ name }, i) => `${quote(name)} = v.v${i}`).join(', ')
    return {
      text: text(`update ${id}`, () => `UPDATE ${quote(layout.name)} SET ${set()} WHERE ${where()}`),
      many: () =>
        text(
          `update many ${id}`,
          () =>
            `UPDATE ${quote(layout.name)} AS t SET ${setMany()} FROM ${rowsOfLists([...changed, ...compared])} ` +
            `WHERE ${matched(compared, changed.length)}`,
        ),
      values: [
        ...toStored(layout, changed, key, changes, cells),
        ...toStored(layout, layout.compared(definition.key), key, key, cells),
        ...versions.map(() => (changes.version as number) - 1),
      ],
      conflict: `${table}: the row to update is not there, or of another version`,
      key: () => keyText(definition.key, key),
    }
  }

  function removal(layout: Layout, names: readonly string[], row: AnyRow, cells: Cells): Single {
    const columns = layout.compared(names)
    const id = `${layout.table} ${names}`
    return {
      text: text(`remove ${id}`, () => `DELETE FROM ${quote(layout.name)} WHERE ${equal(columns, 1).join(' AND ')}`),
      many: () =>
        text(
          `remove many ${id}`,
          () => `DELETE FROM ${quote(layout.name)} AS t USING ${rowsOfLists(columns)} WHERE ${matched(columns, 0)}`,
        ),
      values: toStored(layout, columns, row, row, cells),
    }
  }

  function single(write: Write, cells: Cells): Single {
    const layout = layoutOf(write.table)
    const { key, indexes } = layout.definition
    switch (write.op) {
      case 'update':
        return updating(layout, write, cells)
      case 'remove':
        return removal(layout, [...key, ...Object.keys(write.where ?? {})], { ...write.where, ...write.key }, cells)
      case 'removeAll':
        return removal(layout, indexes[write.index] ?? [], write.values, cells)
      default:
        return insertion(layout, write.op, write.row, cells)
    }
  }

  function together(singles: readonly Single[]): WriteStatement[] {
    const [first, ...others] = singles
    if (first === undefined) return []
    const { text, values, conflict, many } = first
    if (others.length === 0) return [{ text, values, conflict, rows: 1 }]
    const lists = values.map((_, i) => singles.map((one) => one.values[i] ?? null))
    return [{ text: many(), values: lists, conflict, rows: singles.length }]
  }

  return (writes: readonly Write[], cells: Cells): WriteStatement[] => {
    const statements: WriteStatement[] = []
    let group: Single[] = []
    let keys = new Set<string>()
    for (const write of writes) {
      const one = single(write, cells)
      const key = dialect.lists ? one.key?.() : undefined
      const isNew = key === undefined || !keys.has(key)
      const fits = dialect.lists && group[0]?.text === one.text && group.length < mostRows && isNew
      if (!fits) {
        statements.push(...together(group))
        group = []
        keys = new Set()
      }
      group.push(one)
      if (key !== undefined) keys.add(key)
    }
    return [...statements, ...together(group)]
  }
}
