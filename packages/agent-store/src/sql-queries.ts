// Queries as SQL. Where a statement takes lists, a query of many keys is one statement that looks each of them up by an index.
import type { Cells } from './cells.js'
import { type DriverValue, type Layout, type StoredColumn, toStored } from './layout.js'
import type { AnyRow, FindAnyQuery, FindQuery, GetAllQuery, Query, ReferredQuery } from './queries.js'
import { withoutLast } from './rows.js'
import { list, matched, quote, rowsOfLists, type SqlContext, type Statement, unnest } from './sql-text.js'

/** What comes after the comparison of columns in a statement for each of several values. */
interface Rest {
  readonly conditions?: (firstPlaceholder: number) => readonly string[]
  /** Of the conditions. */
  readonly values?: readonly DriverValue[]
  /** Not where there is one row at most: PostgreSQL would take an index that has this order rather than the one that finds the row. */
  readonly order: string | undefined
  readonly limit: number | undefined
  /** The only column that is wanted; the rows may then come in any order. */
  readonly only?: string
}

export function createQuerySql({ dialect, layout: layoutOf, text }: SqlContext) {
  const { placeholder, lists } = dialect
  const isEqual = (columns: readonly StoredColumn[], to: (i: number) => string) =>
    columns.map(({ name }, i) => `${quote(name)} = ${to(i)}`)
  const keyOf = (layout: Layout) => layout.compared(layout.definition.key)
  const columnsOf = (layout: Layout) => list(layout.columns.filter(({ isHash }) => !isHash))
  const select = (layout: Layout, only?: string) =>
    `SELECT ${only === undefined ? columnsOf(layout) : quote(only)} FROM ${quote(layout.name)}`
  const where = (conditions: readonly string[]) => (conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '')
  const next = (first: number) => (i: number) => placeholder(first + i)

  function get(layout: Layout, key: AnyRow, cells: Cells): Statement {
    const columns = keyOf(layout)
    return {
      text: text(`get ${layout.table}`, () => select(layout) + where(isEqual(columns, next(1)))),
      values: toStored(layout, columns, key, key, cells),
    }
  }

  /** `id` is for what the text depends on besides the table. */
  function each(
    id: string,
    layout: Layout,
    columns: readonly StoredColumn[],
    rows: readonly AnyRow[],
    cells: Cells,
    { conditions = () => [], values = [], order, limit, only }: Rest,
  ): Statement[] {
    if (rows.length === 0) return []
    const tuples = rows.map((row) => toStored(layout, columns, row, row, cells))
    // A list for each column, or only the number of rows where none is compared.
    const first = 1 + (lists ? Math.max(columns.length, 1) : columns.length)
    const one = (to: (i: number) => string) =>
      select(layout, only) +
      where([...isEqual(columns, to), ...conditions(first)]) +
      (order !== undefined && (only === undefined || limit !== undefined) ? ` ORDER BY ${order}` : '') +
      // Without a limit, PostgreSQL would make a join of it that need not begin with the list.
      (limit === undefined ? (lists ? ' OFFSET 0' : '') : ` LIMIT ${placeholder(first + values.length)}`)
    const all = [...values, ...(limit === undefined ? [] : [limit])]
    const textId = `${id} ${layout.table} ${limit === undefined} ${only}`
    if (!lists) {
      return tuples.map((tuple) => ({
        text: text(textId, () => one(next(1))),
        values: [...tuple, ...all],
      }))
    }
    const from = () => {
      const names = columns.map((_, i) => `v${i}, `).join('')
      return columns.length === 0
        ? 'generate_series(1, $1) AS v(n)'
        : `${unnest(columns)} WITH ORDINALITY AS v(${names}n)`
    }
    const many = () =>
      `SELECT r.* FROM ${from()} CROSS JOIN LATERAL (${one((i) => `v.v${i}`)}) AS r` +
      (only === undefined ? ` ORDER BY v.n${order === undefined ? '' : `, ${order}`}` : '')
    const given = columns.length === 0 ? [rows.length] : columns.map((_, i) => tuples.map((tuple) => tuple[i] ?? null))
    return [{ text: text(textId, many), values: [...given, ...all] }]
  }

  function counted(layout: Layout, index: string, any: readonly AnyRow[], cells: Cells): Statement[] {
    const columns = layout.compared(layout.definition.indexes[index] ?? [])
    const tuples = any.map((values) => toStored(layout, columns, values, values, cells))
    const count = (from: string, conditions: readonly string[]) =>
      text(`count ${index} ${layout.table}`, () => `SELECT count(*) AS count FROM ${from}${where(conditions)}`)
    if (any.length === 0) return []
    if (lists) {
      const from = `${quote(layout.name)} AS t, ${rowsOfLists(columns)}`
      return [
        {
          text: count(from, [matched(columns, 0)]),
          values: columns.map((_, i) => tuples.map((tuple) => tuple[i] ?? null)),
        },
      ]
    }
    return tuples.map((values) => ({ text: count(quote(layout.name), isEqual(columns, next(1))), values }))
  }

  /** Rows whose key is among those that a statement gives in `column`; only where statements take lists. */
  function referred(layout: Layout, { table, column, by }: ReferredQuery, cells: Cells): Statement[] {
    const inner = layoutOf(by.table).columns.find(({ of, isHash }) => of === column && !isHash)?.name ?? ''
    const [key] = keyOf(layout)
    return rowsOf(by, cells, inner).map((statement) => {
      const one = `${select(layout)} WHERE ${quote(key?.name ?? '')} = d.k`
      const both = () =>
        `SELECT r.* FROM (SELECT DISTINCT f.${quote(inner)} AS k FROM (${statement.text}) AS f) AS d ` +
        `CROSS JOIN LATERAL (${one} OFFSET 0) AS r`
      return { text: text(`referred ${table} ${statement.text}`, both), values: statement.values }
    })
  }

  /** Rows by keys or by an index; `only` leaves one column of them. */
  function rowsOf(query: GetAllQuery | FindQuery | FindAnyQuery, cells: Cells, only?: string): Statement[] {
    const layout = layoutOf(query.table)
    const order = list(keyOf(layout))
    const selected = only === undefined ? {} : { only }
    if ('keys' in query)
      return each('all', layout, keyOf(layout), query.keys, cells, { order, limit: undefined, ...selected })
    const columns = layout.compared(layout.definition.indexes[query.index] ?? [])
    const { limit } = query
    if ('any' in query) {
      const isUnique = layout.definition.unique.includes(query.index)
      const rest = { order: isUnique ? undefined : order, limit, ...selected }
      return each(`any ${query.index}`, layout, columns, query.any, cells, rest)
    }
    const found = () =>
      `${select(layout, only)}${where(isEqual(columns, next(1)))} ORDER BY ${order}` +
      (limit === undefined ? '' : ` LIMIT ${placeholder(columns.length + 1)}`)
    const values = toStored(layout, columns, query.values, query.values, cells)
    return [
      {
        text: text(`find ${query.index} ${query.table} ${limit === undefined} ${only}`, found),
        values: limit === undefined ? values : [...values, limit],
      },
    ]
  }

  function queryOf(query: Query, cells: Cells): Statement[] {
    const layout = layoutOf(query.table)
    const { indexes, ordered } = layout.definition
    const byKey = list(keyOf(layout))
    const indexed = (index: string) => layout.compared(indexes[index] ?? [])
    if ('key' in query) return [get(layout, query.key, cells)]
    if ('count' in query) return counted(layout, query.count, query.any, cells)
    if ('ordered' in query) {
      const names = ordered[query.ordered] ?? []
      const [last] = layout.compared(names.slice(-1))
      const name = quote(last?.name ?? '')
      const rest: Rest = {
        conditions: (n) => [query.upTo === undefined ? `${name} IS NOT NULL` : `${name} <= ${placeholder(n)}`],
        values: query.upTo === undefined ? [] : [query.upTo],
        order: `${name}, ${byKey}`,
        limit: query.limit,
      }
      const id = `first ${query.ordered} ${query.upTo === undefined}`
      return each(id, layout, layout.compared(withoutLast(names)), query.any, cells, rest)
    }
    if ('by' in query) return referred(layout, query, cells)
    if ('after' in query) {
      const { after, of } = query
      const columns = of ? indexed(of.index) : []
      const key = keyOf(layout)
      const afterKey = () => `(${byKey}) > (${key.map((_, i) => placeholder(columns.length + 1 + i)).join(', ')})`
      const page = () =>
        `${select(layout)}${where([...isEqual(columns, next(1)), ...(after ? [afterKey()] : [])])} ` +
        `ORDER BY ${byKey} LIMIT ${placeholder(columns.length + (after ? key.length : 0) + 1)}`
      const values = [
        ...(of ? toStored(layout, columns, of.values, of.values, cells) : []),
        ...(after ? toStored(layout, key, after, after, cells) : []),
        query.limit,
      ]
      return [{ text: text(`page ${of?.index} ${after === null} ${query.table}`, page), values }]
    }
    return rowsOf(query, cells)
  }

  return queryOf
}
