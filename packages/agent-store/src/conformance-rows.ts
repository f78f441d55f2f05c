// Conformance: rows come back as they were written, and a call writes all or nothing.
import {
  allRows,
  bytesOf,
  equal,
  keyOf,
  rejects,
  type StoreTest,
  sample,
  tableNames,
  write,
} from './conformance-support.js'
import { find, get, insert, put, putIfAbsent, remove, removeAll, update, type Write } from './contract.js'
import type { AnyRow } from './queries.js'
import type { TableDefinition } from './table.js'
import { type Row, type TableName, tables } from './tables.js'

/** What columns can hold at their ends. */
function extremes(table: TableName, number: number): Row<TableName> {
  const { columns, key }: TableDefinition = tables[table]
  const values = { bytes: new Uint8Array(), int: Number.MAX_SAFE_INTEGER, bool: true, text: 'ü 漢字 🙂 \u{10ffff}' }
  const others = Object.entries(columns).filter(([name]) => !key.includes(name))
  return sample(
    table,
    number,
    Object.fromEntries(others.map(([name, column]) => [name, column.nullable ? null : values[column.type]])),
  )
}

export function rowTests(test: StoreTest): void {
  test('a row of each table comes back as it was', async ({ store }) => {
    for (const table of tableNames) {
      const rows = [sample(table, 1), extremes(table, 2)]
      await write(store, ...rows.map((row) => insert(table, row)))
      for (const row of rows) {
        const { found } = await store.read({ found: get(table, keyOf(table, row)) })
        equal(found, row, table)
      }
    }
  })

  test('numbers below zero, long bytes and long text come back as they were', async ({ store }) => {
    const connection = sample('connections', 1, { createdAt: Number.MIN_SAFE_INTEGER, userId: 'u'.repeat(5000) })
    const message = sample('messages', 2, { body: bytesOf(3, 16_384), messageId: -1 })
    await write(store, insert('connections', connection), insert('messages', message))
    equal(await allRows(store, 'connections'), [connection], 'connections')
    equal(await allRows(store, 'messages'), [message], 'messages')
  })

  test('put replaces a row, or makes one', async ({ store }) => {
    for (const table of tableNames) {
      const first = sample(table, 1)
      const second = { ...extremes(table, 2), ...keyOf(table, first) } as Row<TableName>
      await write(store, put(table, first))
      await write(store, put(table, second))
      equal(await allRows(store, table), [second], table)
    }
  })

  test('update changes the columns that it names, and no other row', async ({ store }) => {
    const [first, second] = [sample('receiveQueues', 1), sample('receiveQueues', 5)]
    const changes = { status: 'active', recipientId: bytesOf(9), e2eSecret: null, isPrimary: false } as const
    await write(store, insert('receiveQueues', first), insert('receiveQueues', second))
    await write(store, update('receiveQueues', keyOf('receiveQueues', first), changes))
    equal(await allRows(store, 'receiveQueues'), [{ ...first, ...changes }, second], 'rows')
    const { found } = await store.read({ found: find('receiveQueues', 'byRecipientId', { recipientId: bytesOf(9) }) })
    equal(found, [{ ...first, ...changes }], 'found by the new id')
  })

  test('remove takes one row away, and does not mind if it is not there', async ({ store }) => {
    const rows = [1, 2, 3].map((queueNo) => sample('sendQueues', 1, { queueNo }))
    await write(store, ...rows.map((row) => insert('sendQueues', row)))
    await write(store, remove('sendQueues', { connId: bytesOf(1), queueNo: 2 }))
    await write(store, remove('sendQueues', { connId: bytesOf(1), queueNo: 7 }))
    equal(await allRows(store, 'sendQueues'), [rows[0], rows[2]], 'rows')
  })

  test('putIfAbsent makes a row, or leaves the one that is there', async ({ store }) => {
    const [first, second] = [sample('events', 1, { eventId: 1 }), sample('events', 2, { eventId: 2 })]
    await write(store, putIfAbsent('events', first))
    await write(store, putIfAbsent('events', { ...first, type: 'other' }), putIfAbsent('events', second))
    equal(await allRows(store, 'events'), [first, second], 'events')
  })

  test('remove with a condition takes a row away only if it has these values', async ({ store }) => {
    const rows = [1, 2].map((eventId) => sample('events', 1, { eventId, messageId: 5, type: 'a' }))
    await write(store, ...rows.map((row) => insert('events', row)))
    await write(
      store,
      remove('events', { eventId: 1 }, { messageId: 6 }),
      remove('events', { eventId: 3 }, { type: 'a' }),
    )
    equal(await allRows(store, 'events'), rows, 'other values were meant')
    await write(store, remove('events', { eventId: 2 }, { messageId: 5, type: 'a' }))
    equal(await allRows(store, 'events'), rows.slice(0, 1), 'these values were meant')
  })

  test('removeAll takes away what the index finds, and nothing else', async ({ store }) => {
    const rows = [1, 2].flatMap((connection) =>
      [1, 2, 3].map((queueNo) => sample('deliveries', 1, { connId: bytesOf(connection), queueNo })),
    )
    await write(store, ...rows.map((row) => insert('deliveries', row)))
    await write(store, removeAll('deliveries', 'byConnection', { connId: bytesOf(1) }))
    equal(await allRows(store, 'deliveries'), rows.slice(3), 'rows')
    await write(store, removeAll('deliveries', 'byQueue', { connId: bytesOf(2), queueNo: 2 }))
    equal(await allRows(store, 'deliveries'), [rows[3], rows[5]], 'rows')
  })

  test('the writes of a call are carried out in their order', async ({ store }) => {
    const row = sample('ratchets', 1, { version: 1 })
    const key = keyOf('ratchets', row)
    await write(
      store,
      insert('ratchets', row),
      update('ratchets', key, { version: 2 }),
      remove('ratchets', key),
      insert('ratchets', { ...row, version: 7 }),
      update('ratchets', key, { version: 8, state: null }),
    )
    equal(await allRows(store, 'ratchets'), [{ ...row, version: 8, state: null }], 'rows')
  })

  test('4096 rows can be written and removed in one call', async ({ store }) => {
    const rows = Array.from({ length: 4096 }, (_, i) =>
      sample('skippedKeys', 1, { skippedNo: i, key: bytesOf(i, 120) }),
    )
    await write(store, ...rows.map((row) => insert('skippedKeys', row)))
    const { found } = await store.read({ found: find('skippedKeys', 'byConnection', { connId: bytesOf(1) }) })
    equal(found, rows, 'rows')
    await write(store, ...rows.slice(1).map((row) => remove('skippedKeys', keyOf('skippedKeys', row))))
    equal(await allRows(store, 'skippedKeys'), rows.slice(0, 1), 'rows')
  })

  test('bytes are not shared: neither what was given nor what was got', async ({ store }) => {
    const row = sample('messages', 1, { body: bytesOf(1, 5000) })
    const given = copyOf(row)
    const writing = store.atomic({}, () => ({ writes: [insert('messages', given)], result: undefined }))
    await writing
    for (const value of Object.values(given)) if (value instanceof Uint8Array) value.fill(0)
    const query = { found: get('messages', keyOf('messages', row)) }
    const { found } = await store.read(query)
    equal(found, row, 'after the row that was given had changed')
    for (const value of Object.values(found ?? {})) {
      if (!(value instanceof Uint8Array)) continue
      equal(Object.getPrototypeOf(value) === Uint8Array.prototype, true, 'a plain Uint8Array')
      value.fill(0)
    }
    equal((await store.read(query)).found, row, 'after the row that was got had changed')
    await store.atomic(query, (again) => {
      again.found?.body.fill(0)
      return { writes: [], result: undefined }
    })
    equal((await store.read(query)).found, row, 'after decide had changed its row')
  })

  test('a query that was given to a call is its own from then on', async ({ store }) => {
    const row = sample('confirmations', 1)
    const key = { connId: row.connId.slice() }
    await write(store, insert('confirmations', row))
    const calls = [
      store.read({ found: get('confirmations', key) }),
      store.atomic({ found: get('confirmations', key) }, (found) => ({ writes: [], result: found })),
    ]
    key.connId.fill(0)
    for (const { found } of await Promise.all(calls)) equal(found, row, 'found')
  })

  test('bytes that were given to a call are its own from then on', async ({ store }) => {
    const row = sample('messages', 1)
    const given = copyOf(row)
    let hasDecided: () => void = () => {}
    const decided = new Promise<void>((resolve) => {
      hasDecided = resolve
    })
    const writing = store.atomic({}, () => {
      hasDecided()
      return { writes: [insert('messages', given)], result: undefined }
    })
    await decided
    for (const value of Object.values(given)) if (value instanceof Uint8Array) value.fill(0)
    await writing
    equal(await allRows(store, 'messages'), [row], 'rows')
  })
}

const copyOf = <R extends object>(row: R): R =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? value.slice() : value]),
  ) as R

const there = sample('ratchets', 1, { version: 5 })
const thereKey = keyOf('ratchets', there)
const conflicts: Readonly<Record<string, Write>> = {
  'an insert of a row that is there': insert('ratchets', there),
  'an update of a row that is not there': update('connections', { connId: bytesOf(77) }, { deletedAt: 1 }),
  'an update of the version that is there': update('ratchets', thereKey, { version: 5, state: bytesOf(4) }),
  'an update of an older version': update('ratchets', thereKey, { version: 4, state: bytesOf(4) }),
  'an update that leaves a version out': update('ratchets', thereKey, { version: 7, state: bytesOf(4) }),
  'an update of a versioned row that is not there': update('ratchets', { connId: bytesOf(78) }, { version: 1 }),
}

export function conflictTests(test: StoreTest): void {
  for (const [name, last] of Object.entries(conflicts)) {
    test(`${name} is a conflict, and nothing of the call is written`, async ({ store }) => {
      const connection = sample('connections', 1)
      const event = sample('events', 1)
      await write(store, insert('ratchets', there), insert('events', event))
      await rejects(
        write(
          store,
          insert('connections', connection),
          put('events', { ...event, type: 'other' }),
          removeAll('events', 'byConnection', { connId: event.connId }),
          last,
        ),
        'CONFLICT',
        name,
      )
      equal(await allRows(store, 'connections'), [], 'connections')
      equal(await allRows(store, 'events'), [event], 'events')
      equal(await allRows(store, 'ratchets'), [there], 'ratchets')
    })
  }

  test('a second insert of a row within a call is a conflict', async ({ store }) => {
    await rejects(write(store, insert('ratchets', there), insert('ratchets', there)), 'CONFLICT', 'the second')
    equal(await allRows(store, 'ratchets'), [], 'ratchets')
  })

  test('an update with the next version is none', async ({ store }) => {
    await write(store, insert('ratchets', there))
    await write(store, update('ratchets', thereKey, { version: 6, state: bytesOf(4) }))
    await rejects(write(store, update('ratchets', thereKey, { version: 6 })), 'CONFLICT', 'the same version again')
    equal(await allRows(store, 'ratchets'), [{ ...there, version: 6, state: bytesOf(4) }], 'ratchets')
  })
}

const connection = sample('connections', 3)
const without = (row: AnyRow, name: string): AnyRow =>
  Object.fromEntries(Object.entries(row).filter(([other]) => other !== name))
const anInsert = (table: string, row: AnyRow) => ({ op: 'insert', table, row })
const invalidWrites: Readonly<Record<string, unknown>> = {
  'a table that is none': anInsert('nothing', connection),
  'a name of the prototype': anInsert('constructor', connection),
  'a write that is none': { op: 'nothing', table: 'connections', row: connection },
  'a column too few': anInsert('connections', without(connection, 'userId')),
  'a column too many': anInsert('connections', { ...connection, more: 1 }),
  'another column': anInsert('connections', { ...without(connection, 'userId'), toString: 'x' }),
  'text for a number': anInsert('connections', { ...connection, createdAt: '1' }),
  'a fraction': anInsert('connections', { ...connection, createdAt: 1.5 }),
  'a number that is not safe': anInsert('connections', { ...connection, createdAt: 2 ** 53 }),
  'a number for a boolean': anInsert('connections', { ...connection, pqSupport: 1 }),
  'text for bytes': anInsert('connections', { ...connection, lastSentHash: 'x' }),
  'null where there must be a value': anInsert('connections', { ...connection, lastSentHash: null }),
  'undefined where null is meant': anInsert('ratchets', { ...sample('ratchets', 1), state: undefined }),
  'text with a zero character': anInsert('connections', { ...connection, userId: 'a\0' }),
  'half of a surrogate pair': anInsert('connections', { ...connection, userId: '\ud83d' }),
  'a key too many': { op: 'remove', table: 'connections', key: { connId: bytesOf(1), userId: 'x' } },
  'a key too few': { op: 'remove', table: 'sendQueues', key: { connId: bytesOf(1) } },
  'an update of the primary key': update('connections', { connId: bytesOf(1) }, { connId: bytesOf(2) }),
  'an update of nothing': update('connections', { connId: bytesOf(1) }, {}),
  'an update of a versioned row without its version': update('ratchets', { connId: bytesOf(1) }, { state: null }),
  'an index that is none': { op: 'removeAll', table: 'events', index: 'byType', values: { type: 'x' } },
  'other columns than those of the index': {
    op: 'removeAll',
    table: 'events',
    index: 'byConnection',
    values: { type: 'x' },
  },
}
const invalidQueries: Readonly<Record<string, unknown>> = {
  'a table that is none': { table: 'nothing', key: {} },
  'a key with another type': { table: 'events', key: { eventId: '1' } },
  'an index that is none': { table: 'events', index: 'constructor', values: {} },
  'null in an index': { table: 'receiveQueues', index: 'byNotifierId', values: { notifierId: null } },
  'a limit below zero': { table: 'events', index: 'byConnection', values: { connId: bytesOf(1) }, limit: -1 },
  'a limit with a fraction': { table: 'events', index: 'byConnection', values: { connId: bytesOf(1) }, limit: 0.5 },
}

export function invalidTests(test: StoreTest): void {
  test('what the tables do not have is refused, and nothing of the call is written', async ({ store }) => {
    for (const [name, wrong] of Object.entries(invalidWrites)) {
      await rejects(write(store, insert('connections', sample('connections', 1)), wrong as Write), 'INVALID', name)
    }
    equal(await allRows(store, 'connections'), [], 'connections')
  })

  test('queries that the tables do not have are refused', async ({ store }) => {
    for (const [name, wrong] of Object.entries(invalidQueries)) {
      const queries = { wrong: wrong as never }
      await rejects(store.read(queries), 'INVALID', name)
      await rejects(
        store.atomic(queries, () => ({ writes: [insert('events', sample('events', 1))], result: undefined })),
        'INVALID',
        name,
      )
    }
    for (const size of [0, -1, 1.5, Number.NaN]) {
      await rejects(allRows(store, 'connections', size), 'INVALID', `pages of ${size}`)
    }
    await rejects(allRows(store, 'nothing' as never), 'INVALID', 'pages of no table')
    equal(await allRows(store, 'events'), [], 'events')
  })
}
