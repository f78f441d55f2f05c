import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, insert, put, remove, update, type Write } from './contract.js'
import { openPostgresStore, type PostgresStore } from './postgres.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from './testing/postgres.js'

const bytes = (...values: number[]) => new Uint8Array(values)

/** Calls on a handful of rows: what they write, and how they end. */
const call = fc.record(
  {
    reads: fc.integer({ min: 0, max: 3 }),
    writes: fc.array(fc.tuple(fc.constantFrom('insert', 'put', 'update', 'remove'), fc.integer({ min: 0, max: 3 })), {
      maxLength: 4,
    }),
    throws: fc.integer({ max: 5, min: 0 }).map((n) => n === 0),
  },
  { noNullPrototype: true },
)
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never

/** What the contract says: each call after the other, and nothing of one that fails. */
function model(rows: Map<number, number>, { reads, writes, throws }: Call, mark: number): unknown {
  const found = rows.get(reads) ?? null
  if (throws) return 'thrown'
  const next = new Map(rows)
  for (const [op, id] of writes) {
    if ((op === 'insert' && next.has(id)) || (op === 'update' && !next.has(id))) return 'CONFLICT'
    if (op === 'remove') next.delete(id)
    else next.set(id, mark)
  }
  rows.clear()
  for (const [id, value] of next) rows.set(id, value)
  return found
}

function writeOf(op: string, id: number, mark: number): Write {
  const key = { connId: bytes(id) }
  const row = { ...key, data: bytes(mark) }
  if (op === 'insert') return insert('confirmations', row)
  if (op === 'put') return put('confirmations', row)
  if (op === 'update') return update('confirmations', key, { data: row.data })
  return remove('confirmations', key)
}

describe.skipIf(withoutPostgres)(titled('shares transactions'), () => {
  let database: Database
  let schema: Schema
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  async function outcome(store: PostgresStore, { reads, writes, throws }: Call, mark: number): Promise<unknown> {
    const call = store.atomic({ row: get('confirmations', { connId: bytes(reads) }) }, ({ row }) => {
      if (throws) throw new Error('thrown')
      return { writes: writes.map(([op, id]) => writeOf(op, id, mark)), result: row?.data[0] ?? null }
    })
    return call.catch((error) => error.code ?? error.message)
  }

  it.each([true, false])('which look like one call after the other (pipeline: %s)', async (pipeline) => {
    schema = await database.schema()
    const store = await openPostgresStore(schema.pool({ pipeline }))
    const rows = new Map<number, number>()
    let mark = 0
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
        const first = mark
        mark = (mark + calls.length) % 200
        const outcomes = await Promise.all(calls.map((one, i) => outcome(store, one, first + i)))
        expect(outcomes).toEqual(calls.map((one, i) => model(rows, one, first + i)))
        for (let id = 0; id <= 3; id++) {
          const { row } = await store.read({ row: get('confirmations', { connId: bytes(id) }) })
          expect(row?.data[0]).toBe(rows.get(id))
        }
      }),
      { numRuns: 60, endOnFailure: true },
    )
    await store.close()
    await schema.remove()
  })

  it('and one whose reads the server refuses takes no other with it', async () => {
    schema = await database.schema()
    const store = await openPostgresStore(schema.pool())
    await database.ask(`ALTER TABLE ${schema.name}.agent_confirmations RENAME TO gone`)
    const command = (commandNo: number) => ({ commandNo, connId: bytes(1), tag: 'x', data: bytes(), createdAt: 0 })
    const write = (no: number) => store.atomic({}, () => ({ writes: [insert('commands', command(no))], result: no }))
    const refused = () => outcome(store, { reads: 1, writes: [], throws: false }, 0)
    expect(await Promise.all([write(1), refused(), refused(), write(2), refused()])).toEqual([
      1,
      'CORRUPT',
      'CORRUPT',
      2,
      'CORRUPT',
    ])
    expect(await store.last('commands')).toBe(2)
    await expect(refused()).resolves.toBe('CORRUPT')
    await store.close()
    await schema.remove()
  })
})
