// Conformance: what is found, and in what order.
import { allRows, bytesOf, equal, keyOf, type StoreTest, sample, tableNames, write } from './conformance-support.js'
import {
  count,
  type FindQuery,
  find,
  findAny,
  get,
  getAll,
  insert,
  page,
  pageOf,
  referred,
  remove,
} from './contract.js'
import type { AnyRow } from './queries.js'
import type { TableDefinition } from './table.js'
import { tables } from './tables.js'

export function queryTests(test: StoreTest): void {
  test('what is not there is undefined, or no rows', async ({ store }) => {
    const connId = bytesOf(1)
    const queries = { one: get('connections', { connId }), some: find('messages', 'byConnection', { connId }) }
    const { one, some } = await store.read(queries)
    equal([one, some], [undefined, []], 'found')
  })

  test('each index of each table finds the rows with its values, and no others', async ({ store }) => {
    for (const table of tableNames) {
      const rows = [sample(table, 1), sample(table, 102)]
      await write(store, ...rows.map((row) => insert(table, row)))
      const { indexes }: TableDefinition = tables[table]
      for (const [index, columns] of Object.entries(indexes)) {
        for (const row of rows) {
          const values = Object.fromEntries(columns.map((name) => [name, (row as AnyRow)[name]]))
          const { found } = await store.read({ found: { table, index, values } satisfies FindQuery })
          equal(found, [row], `${table} ${index}`)
        }
      }
    }
  })

  test('an index does not find rows with null in its column', async ({ store }) => {
    await write(store, insert('receiveQueues', sample('receiveQueues', 1, { notifierId: null })))
    const { found } = await store.read({
      found: find('receiveQueues', 'byNotifierId', { notifierId: new Uint8Array() }),
    })
    equal(found, [], 'found')
  })

  test('rows are found in the order of the primary key', async ({ store }) => {
    const connId = bytesOf(1)
    const numbers = [10, 2, 1_000_000, 9, 0, -3, 100, Number.MAX_SAFE_INTEGER, -20]
    await write(store, ...numbers.map((messageId) => insert('messages', sample('messages', 1, { connId, messageId }))))
    const { found } = await store.read({ found: find('messages', 'byConnection', { connId }) })
    const sorted = numbers.toSorted((a, b) => a - b)
    equal(
      found.map(({ messageId }) => messageId),
      sorted,
      'numbers',
    )
    const limited = await store.read({ found: find('messages', 'byConnection', { connId }, 3) })
    equal(
      limited.found.map(({ messageId }) => messageId),
      sorted.slice(0, 3),
      'with a limit',
    )
    equal((await store.read({ found: find('messages', 'byConnection', { connId }, 0) })).found, [], 'with a limit of 0')
  })

  test('bytes are in order byte for byte, text by its characters', async ({ store }) => {
    const ids = [[], [0], [0, 0], [0, 255], [1], [127], [127, 0], [128], [255], [255, 0]]
    const servers = ['', 'A', 'B', 'a', 'a b', 'a.b', 'aB', 'aa', 'ab', 'é', '漢', '\uffee', '🙂']
    const hashes = ids.map((hash) => sample('hashes', 1, { hash: Uint8Array.from(hash) }))
    const links = servers.map((server) => sample('shortLinks', 1, { server }))
    await write(store, ...hashes.toReversed().map((row) => insert('hashes', row)))
    await write(store, ...links.toReversed().map((row) => insert('shortLinks', row)))
    const { found } = await store.read({ found: find('hashes', 'byConnection', { connId: bytesOf(1) }) })
    equal(
      found.map(({ hash }) => [...hash]),
      ids,
      'bytes',
    )
    equal(
      (await allRows(store, 'shortLinks')).map(({ server }) => server),
      servers,
      'text',
    )
  })

  test('rows by many keys come in the order of the keys, as often as they are given', async ({ store }) => {
    const rows = [1, 2, 3].map((eventId) => sample('events', 1, { eventId }))
    await write(store, ...rows.map((row) => insert('events', row)))
    const keys = [3, 7, 1, 3].map((eventId) => ({ eventId }))
    const { some, none } = await store.read({ some: getAll('events', keys), none: getAll('events', []) })
    equal(some, [rows[2], rows[0], rows[2]], 'some')
    equal(none, [], 'none')
  })

  test('rows by many values of an index come value by value, and are counted in all', async ({ store }) => {
    const rows = [1, 2].flatMap((connection) =>
      [1, 2, 3].map((queueNo) => sample('deliveries', 1, { connId: bytesOf(connection), queueNo })),
    )
    await write(store, ...rows.toReversed().map((row) => insert('deliveries', row)))
    const ids = [2, 9, 1].map((connection) => ({ connId: bytesOf(connection) }))
    const found = await store.read({
      all: findAny('deliveries', 'byConnection', ids),
      some: findAny('deliveries', 'byConnection', ids, 2),
      none: findAny('deliveries', 'byConnection', []),
      count: count('deliveries', 'byConnection', ids),
      countOfNone: count('deliveries', 'byConnection', []),
    })
    equal(found.all, [...rows.slice(3), ...rows.slice(0, 3)], 'all')
    equal(found.some, [rows[3], rows[4], rows[0], rows[1]], 'with a limit for each')
    equal([found.none, found.count, found.countOfNone], [[], 6, 0], 'none, and counts')
  })

  test('a page goes on after a key, of a table and of an index', async ({ store }) => {
    const rows = [1, 2].flatMap((connection) =>
      [1, 20, 300].map((queueNo) => sample('deliveries', 1, { connId: bytesOf(connection), queueNo })),
    )
    await write(store, ...rows.toReversed().map((row) => insert('deliveries', row)))
    const after = keyOf('deliveries', rows[1] ?? sample('deliveries', 1))
    const connId = bytesOf(1)
    const found = await store.read({
      start: page('deliveries', null, 2),
      next: page('deliveries', after, 2),
      ofOne: pageOf('deliveries', 'byConnection', { connId }, after, 2),
      none: pageOf('deliveries', 'byConnection', { connId: bytesOf(3) }, null, 2),
    })
    equal(found, { start: rows.slice(0, 2), next: rows.slice(2, 4), ofOne: rows.slice(2, 3), none: [] }, 'pages')
  })

  test('rows that others refer to come once', async ({ store }) => {
    const connections = [1, 2, 3].map((number) => sample('connections', 1, { connId: bytesOf(number) }))
    const events = [1, 1, 2].map((number, i) => sample('events', 1, { eventId: i, connId: bytesOf(number) }))
    await write(store, ...connections.map((row) => insert('connections', row)))
    await write(store, ...events.map((row) => insert('events', row)))
    const keys = events.map(({ eventId }) => ({ eventId }))
    const { both, one } = await store.read({
      both: referred('connections', 'connId', getAll('events', keys)),
      one: referred('connections', 'connId', find('events', 'byConnection', { connId: bytesOf(1) })),
    })
    equal(
      both.toSorted((a, b) => Number(a.connId[0]) - Number(b.connId[0])),
      connections.slice(0, 2),
      'of both',
    )
    equal(one, connections.slice(0, 1), 'of one')
  })

  test('last is the largest number, or 0', async ({ store }) => {
    for (const [table, key] of [
      ['events', 'eventId'],
      ['commands', 'commandNo'],
    ] as const) {
      equal(await store.last(table), 0, table)
      const numbers = [9, 10, 2]
      await write(store, ...numbers.map((number) => insert(table, sample(table, 1, { [key]: number }))))
      equal(await store.last(table), 10, table)
    }
  })
}

export function pageTests(test: StoreTest): void {
  test('pages have all rows of a table in order, whatever their size', async ({ store }) => {
    equal(await allRows(store, 'deliveries'), [], 'an empty table')
    const rows = [1, 2, 3].flatMap((connection) =>
      [2, 10].flatMap((queueNo) =>
        [1, 5, 300].map((messageId) => sample('deliveries', 1, { connId: bytesOf(connection), queueNo, messageId })),
      ),
    )
    await write(store, ...rows.toReversed().map((row) => insert('deliveries', row)))
    for (const size of [1, 2, 5, 6, 18, 19, undefined]) {
      equal(await allRows(store, 'deliveries', size), rows, `pages of ${size}`)
      for await (const page of store.pages('deliveries', { size: size ?? 18 })) {
        equal(page.length > 0 && page.length <= (size ?? 18), true, `a page of ${size}`)
      }
    }
  })

  test('pages give each row once that is there all the time, while others come and go', async ({ store }) => {
    const row = (eventId: number) => sample('events', 1, { eventId })
    const lasting = Array.from({ length: 40 }, (_, i) => i * 10)
    await write(store, ...lasting.map((eventId) => insert('events', row(eventId))))
    await write(store, insert('events', row(5)), insert('events', row(395)))
    const seen: number[] = []
    let at = 0
    for await (const page of store.pages('events', { size: 3 })) {
      seen.push(...page.map(({ eventId }) => eventId))
      const last = page.at(-1)?.eventId ?? 0
      // One before what was read, one after it, and one that goes again.
      await write(
        store,
        insert('events', row(at - 1000)),
        insert('events', row(last + 1)),
        insert('events', row(last + 2)),
      )
      await write(store, remove('events', keyOf('events', row(last + 2))), remove('events', { eventId: 395 }))
      at++
    }
    equal(
      seen.filter((eventId) => eventId >= 0 && eventId % 10 === 0),
      lasting,
      'the rows that were there all the time',
    )
    equal(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
      'all that was seen, in order and once',
    )
    equal(seen.includes(395), false, 'the row that was removed before its page')
  })
}
