import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { agentSchema } from './agent-schema.js'
import { createCells } from './cells.js'
import { sample, tableNames } from './conformance-support.js'
import { StoreError } from './contract.js'
import { fromStored, type Layout, layoutOf, toStored } from './layout.js'
import type { AnyRow } from './queries.js'
import type { TableName } from './tables.js'

const layouts = layoutOf(agentSchema)
const layout = (table: TableName): Layout => layouts[table] as Layout
const plain = createCells('agent', null)
const encrypted = createCells('agent', new Uint8Array(32))

function stored(table: TableName, row: AnyRow, cells = plain): Record<string, unknown> {
  const values = toStored(layout(table), layout(table).columns, row, row, cells)
  return Object.fromEntries(layout(table).columns.map(({ name }, i) => [name, values[i]]))
}

describe.each([
  ['without a key', plain],
  ['with a key', encrypted],
])('rows %s', (_name, cells) => {
  it.each(tableNames)('%s: come back as they were', (table) => {
    expect(fromStored(layout(table), stored(table, sample(table, 1), cells), cells)).toStrictEqual(sample(table, 1))
  })

  it('take what the drivers give: 0 and 1, text for numbers, Buffer and ArrayBuffer', () => {
    const row = sample('connections', 1)
    const given = {
      ...stored('connections', row, cells),
      pq_support: row.pqSupport ? 1 : 0,
      created_at: String(row.createdAt),
      deleted_at: BigInt(row.deletedAt),
      conn_id: Buffer.from(row.connId),
      last_sent_hash: row.lastSentHash.buffer,
    }
    expect(fromStored(layout('connections'), given, cells)).toStrictEqual(row)
  })

  it('of other types are told as corrupt, without what they hold', () => {
    const good = stored('receiveQueues', sample('receiveQueues', 1), cells)
    const wrong = fc.oneof(
      fc.constantFrom(null, undefined, '', 'x', '1.5', 2, 2 ** 53, 2n ** 60n, 1.5, true, [], {}),
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
    )
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(good)), wrong, (name, value) => {
        try {
          fromStored(layout('receiveQueues'), { ...good, [name]: value }, cells)
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError)
          expect(error).toMatchObject({ code: 'CORRUPT', temporary: false })
        }
      }),
      { numRuns: 500 },
    )
    for (const [name, value] of [
      ['queue_no', 1.5],
      ['queue_no', 2n ** 60n],
      ['is_primary', 2],
      ['server', 5],
      ['server', null],
      ['dh_key', 'text'],
      ['sender_id', null],
    ] as const) {
      expect(() => fromStored(layout('receiveQueues'), { ...good, [name]: value }, cells)).toThrow(StoreError)
    }
  })
})

it('a cell that was moved to another column, row or table is corrupt', () => {
  const first = stored('receiveQueues', sample('receiveQueues', 1), encrypted)
  const second = stored('receiveQueues', sample('receiveQueues', 5), encrypted)
  const other = stored('sendQueues', sample('sendQueues', 1), encrypted)
  for (const moved of [
    { dh_key: first.body_secret },
    { dh_key: second.dh_key },
    { e2e_secret: other.e2e_secret },
    { queue_no: 99 },
    { conn_id: second.conn_id },
  ]) {
    const open = () => fromStored(layout('receiveQueues'), { ...first, ...moved }, encrypted)
    expect(open).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
  }
})
