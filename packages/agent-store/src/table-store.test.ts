// What the contract says of many rows at once, of ordered and of unique indexes: the same wherever the tables are.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openMemoryTables } from './memory-tables.js'
import { openPostgresTables } from './postgres-tables.js'
import { requestsOf, type Write } from './queries.js'
import { openSqliteTables } from './sqlite-tables.js'
import type { RowOf } from './table.js'
import type { TableStore } from './table-store.js'
import { type Database, openDatabase, titled, withoutPostgres } from './testing/postgres.js'
import { openFile } from './testing/sqlite.js'
import { tables, thingSchema } from './testing/things.js'

type Thing = RowOf<(typeof tables)['things']>
type Store = TableStore<typeof tables>
type Name = keyof typeof tables
const { count, find, findAny, first, get, getAll, insert, page, pageOf, put, putIfAbsent, referred, remove, update } =
  requestsOf(tables)

const thing = (id: string, more: Partial<Thing> = {}): Thing => ({
  id,
  kind: 'a',
  name: new TextEncoder().encode(`name of ${id}`),
  at: null,
  groupId: null,
  ...more,
})
const write = (store: Store, ...writes: readonly Write<Name>[]) =>
  store.atomic({}, () => ({ writes, result: undefined }))
const idsOf = (rows: readonly Thing[]) => rows.map(({ id }) => id)

function suite(open: () => Promise<{ store: Store; remove(): Promise<unknown> }>): void {
  const withStore = (name: string, body: (store: Store) => Promise<void>) =>
    it(name, async () => {
      const { store, remove } = await open()
      try {
        await body(store)
      } finally {
        await remove()
      }
    })

  const rows = [
    thing('1', { at: 5, groupId: 7 }),
    thing('2', { at: 3, kind: 'b', groupId: 8 }),
    thing('3', { kind: 'b', groupId: 7 }),
    thing('4', { at: 3 }),
    thing('5', { at: -1, kind: 'b' }),
  ]
  const fill = (store: Store) =>
    write(
      store,
      ...rows.map((row) => put('things', row)),
      ...[7, 8, 9].map((groupId) => put('groups', { groupId, title: 'x' })),
    )

  withStore('getAll finds the rows that are there, in the order of the keys', async (store) => {
    await fill(store)
    const keys = ['4', 'none', '1', '4'].map((id) => ({ id }))
    const { some, none } = await store.read({ some: getAll('things', keys), none: getAll('things', []) })
    expect(some).toEqual([rows[3], rows[0], rows[3]])
    expect(none).toEqual([])
  })

  withStore('findAny finds the rows of each value after the other, with a limit for each', async (store) => {
    await fill(store)
    const kinds = [{ kind: 'b' }, { kind: 'none' }, { kind: 'a' }]
    const found = await store.read({
      all: findAny('things', 'byKind', kinds),
      one: findAny('things', 'byKind', kinds, 1),
      zero: findAny('things', 'byKind', kinds, 0),
      named: findAny(
        'things',
        'byName',
        rows.map(({ kind, name }) => ({ kind, name })),
      ),
      none: findAny('things', 'byKind', []),
    })
    expect(idsOf(found.all)).toEqual(['2', '3', '5', '1', '4'])
    expect(idsOf(found.one)).toEqual(['2', '1'])
    expect(found.zero).toEqual([])
    expect(found.named).toEqual(rows)
    expect(found.none).toEqual([])
  })

  withStore('first finds the first rows of an ordered index, up to a value, and none with null', async (store) => {
    await fill(store)
    const found = await store.read({
      all: first('things', 'byAt', [{}], 10),
      some: first('things', 'byAt', [{}], 2),
      due: first('things', 'byAt', [{}], 10, 3),
      each: first('things', 'byKindAt', [{ kind: 'b' }, { kind: 'a' }], 10),
      eachOne: first('things', 'byKindAt', [{ kind: 'b' }, { kind: 'a' }], 1, 4),
      none: first('things', 'byKindAt', [], 1),
      zero: first('things', 'byAt', [{}], 0),
    })
    expect(Object.fromEntries(Object.entries(found).map(([name, list]) => [name, idsOf(list).join('')]))).toEqual({
      all: '5241',
      some: '52',
      due: '524',
      each: '5241',
      eachOne: '54',
      none: '',
      zero: '',
    })
  })

  withStore('count counts the rows of each value, in all', async (store) => {
    await fill(store)
    const found = await store.read({
      b: count('things', 'byKind', [{ kind: 'b' }]),
      both: count('things', 'byKind', [{ kind: 'b' }, { kind: 'a' }, { kind: 'none' }]),
      none: count('things', 'byKind', []),
      named: count('things', 'byName', [{ kind: 'a', name: thing('1').name }]),
    })
    expect(found).toEqual({ b: 3, both: 5, none: 0, named: 1 })
  })

  withStore('pages go on after a key, also of an index', async (store) => {
    await fill(store)
    const found = await store.read({
      start: page('things', null, 2),
      next: page('things', { id: '2' }, 2),
      last: page('things', { id: '5' }, 2),
      ofB: pageOf('things', 'byKind', { kind: 'b' }, null, 2),
      ofBNext: pageOf('things', 'byKind', { kind: 'b' }, { id: '4' }, 2),
    })
    expect(Object.values(found).map((list) => idsOf(list).join(''))).toEqual(['12', '34', '', '23', '5'])
  })

  withStore('referred finds rows once that others refer to', async (store) => {
    await fill(store)
    const found = await store.read({
      byKeys: referred(
        'groups',
        'groupId',
        getAll(
          'things',
          ['1', '2', '3', '4'].map((id) => ({ id })),
        ),
      ),
      byIndex: referred('groups', 'groupId', find('things', 'byKind', { kind: 'a' })),
      byAny: referred('groups', 'groupId', findAny('things', 'byKind', [{ kind: 'a' }, { kind: 'b' }])),
      byNothing: referred('groups', 'groupId', getAll('things', [])),
    })
    const groups = (list: readonly { groupId: number }[]) => list.map(({ groupId }) => groupId).sort()
    expect(groups(found.byKeys)).toEqual([7, 8])
    expect(groups(found.byIndex)).toEqual([7])
    expect(groups(found.byAny)).toEqual([7, 8])
    expect(found.byNothing).toEqual([])
  })

  withStore('putIfAbsent leaves a row that is there, remove one that is not as it should be', async (store) => {
    await write(store, putIfAbsent('things', thing('1')), putIfAbsent('things', thing('1', { at: 9 })))
    await write(store, putIfAbsent('things', thing('1', { at: 9 })), putIfAbsent('things', thing('2', { at: 4 })))
    await write(store, remove('things', { id: '2' }, { at: 5 }), remove('things', { id: '1' }, { kind: 'b' }))
    const all = { all: page('things', null, 9) }
    expect((await store.read(all)).all).toEqual([thing('1'), thing('2', { at: 4 })])
    await write(store, remove('things', { id: '2' }, { at: 4 }), remove('things', { id: '3' }, { at: 4 }))
    expect((await store.read(all)).all).toEqual([thing('1')])
  })

  withStore(
    'a write that makes two rows alike in a unique index is a conflict, and nothing is written',
    async (store) => {
      await write(store, put('things', thing('1')))
      const { name } = thing('1')
      const conflicts: Write<Name>[][] = [
        [put('things', thing('2', { name }))],
        [insert('things', thing('2', { name }))],
        [put('things', thing('2')), update('things', { id: '2' }, { name })],
        [put('things', thing('3')), put('things', thing('4')), put('things', thing('5', { name }))],
        [put('things', thing('6', { kind: 'c' })), put('things', thing('7', { kind: 'c', name: thing('6').name }))],
      ]
      for (const writes of conflicts) {
        await expect(write(store, put('groups', { groupId: 1, title: 'x' }), ...writes)).rejects.toMatchObject({
          code: 'CONFLICT',
          temporary: false,
        })
      }
      const found = await store.read({ things: page('things', null, 9), groups: page('groups', null, 9) })
      expect([idsOf(found.things), found.groups]).toEqual([['1'], []])
      await write(store, remove('things', { id: '1' }), put('things', thing('2', { name })))
      await write(store, put('things', thing('3', { name, kind: 'other' })))
    },
  )

  withStore('what is wrong in a query of many is refused', async (store) => {
    const wrong = [
      { table: 'things', keys: [{ id: 1 }] },
      { table: 'things', index: 'byKind', any: [{ kind: 'a' }, {}] },
      { table: 'things', index: 'byAt', any: [{}] },
      { table: 'things', ordered: 'byKind', any: [{}], limit: 1 },
      { table: 'things', ordered: 'byAt', any: [{}], limit: -1 },
      { table: 'things', ordered: 'byAt', any: [{}], limit: 1, upTo: 1.5 },
      { table: 'things', ordered: 'byAt', any: [{ at: 1 }], limit: 1 },
      { table: 'things', count: 'constructor', any: [] },
      { table: 'things', after: { id: 1 }, limit: 1 },
      { table: 'things', after: null, limit: 1, of: { index: 'byKind', values: { kind: null } } },
      { table: 'groups', column: 'name', by: { table: 'things', keys: [] } },
      { table: 'groups', column: 'nothing', by: { table: 'things', keys: [] } },
      { table: 'groups', column: 'groupId', by: { table: 'nothing', keys: [] } },
    ]
    for (const query of wrong) {
      await expect(store.read({ query: query as never }), JSON.stringify(query)).rejects.toMatchObject({
        code: 'INVALID',
      })
    }
    const where = { op: 'remove', table: 'things', key: { id: '1' }, where: { name: thing('1').name } } as const
    await expect(write(store, where)).rejects.toMatchObject({ code: 'INVALID' })
  })

  withStore('many writes are as one after the other', async (store) => {
    const id = fc.constantFrom('1', '2', '3')
    const one = fc.oneof(
      fc.tuple(fc.constantFrom('put', 'insert', 'putIfAbsent', 'update'), id, fc.nat(3)),
      fc.tuple(fc.constantFrom('remove', 'removeIf'), id, fc.nat(3)),
    )
    const writeOf = ([op, id, at]: [string, string, number]): Write<Name> => {
      const row = thing(id, { at })
      if (op === 'put') return put('things', row)
      if (op === 'insert') return insert('things', row)
      if (op === 'putIfAbsent') return putIfAbsent('things', row)
      if (op === 'update') return update('things', { id }, { at })
      return remove('things', { id }, op === 'removeIf' ? { at } : undefined)
    }
    const model = new Map<string, number | null>()
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 20 }), async (ops) => {
        const next = new Map(model)
        const isConflict = ops.some(([op, id, at]) => {
          if ((op === 'insert' && next.has(id)) || (op === 'update' && !next.has(id))) return true
          if (op === 'remove' || (op === 'removeIf' && next.get(id) === at)) next.delete(id)
          else if (op !== 'removeIf' && !(op === 'putIfAbsent' && next.has(id))) next.set(id, at)
          return false
        })
        const done = await write(store, ...ops.map(writeOf)).then(
          () => true,
          (error: { code?: unknown }) => error.code !== 'CONFLICT',
        )
        expect(done).toBe(!isConflict)
        if (!isConflict) {
          model.clear()
          for (const [key, at] of next) model.set(key, at)
        }
        const { all } = await store.read({ all: page('things', null, 9) })
        expect(all.map(({ id, at }) => [id, at])).toEqual([...model].sort())
      }),
      { numRuns: 100 },
    )
  })
}

const key = new Uint8Array(32).fill(3)

describe('tables in memory', () =>
  suite(async () => {
    const store = openMemoryTables(thingSchema)
    return { store, remove: () => store.close() }
  }))

describe.each([null, key])('tables in SQLite (key: %s)', (key) =>
  suite(async () => {
    const store = await openSqliteTables(thingSchema, openFile(':memory:'), { key })
    return { store, remove: () => store.close() }
  }),
)

describe.skipIf(withoutPostgres)(titled('has tables'), () => {
  let database: Database
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  describe.each([null, key])('(key: %s)', (key) =>
    suite(async () => {
      const schema = await database.schema()
      const store = await openPostgresTables(thingSchema, schema.pool(), { key })
      const remove = async () => {
        await store.close()
        await schema.remove()
      }
      return { store, remove }
    }),
  )

  it('and writes and reads many rows in a few statements', async () => {
    const schema = await database.schema()
    const pool = schema.pool({ pipeline: false })
    const asked: string[] = []
    const store = await openPostgresTables(thingSchema, {
      async connect() {
        const client = await pool.connect()
        const query = client.query.bind(client) as unknown as (one: { text: string }) => never
        const counted = (one: { text: string }) => {
          asked.push(one.text)
          return query(one)
        }
        return Object.assign(Object.create(client), { query: counted })
      },
    })
    asked.length = 0
    const ids = Array.from({ length: 100 }, (_, i) => `id ${i}`)
    const keys = ids.map((id) => ({ id }))
    await store.atomic({ all: getAll('things', keys), one: get('groups', { groupId: 1 }) }, () => ({
      writes: [
        ...ids.map((id) => remove('things', { id }, { at: 1 })),
        ...ids.map((id) => put('things', thing(id))),
        ...ids.map((id) => update('things', { id }, { at: 1 })),
      ],
      result: undefined,
    }))
    // The reads, the begin, the writes, the mark of the owner, and the commit.
    expect(asked).toHaveLength(8)
    await store.close()
    await schema.remove()
  })

  it('and ends with its connection, where that is asked for', async () => {
    const schema = await database.schema()
    const store = await openPostgresTables(thingSchema, schema.pool(), { endWhenLost: true })
    const running = write(store, put('things', thing('1')))
    await running
    await database.ask(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND classid = ${thingSchema.lock} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
    expect(await store.closed).toMatchObject({ code: 'UNAVAILABLE', temporary: true })
    await expect(write(store, put('things', thing('2')))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const next = await openPostgresTables(thingSchema, schema.pool(), { waitForLock: true })
    expect(idsOf((await next.read({ all: page('things', null, 9) })).all)).toEqual(['1'])
    await next.close()
    await store.close()
    await schema.remove()
  })
})
