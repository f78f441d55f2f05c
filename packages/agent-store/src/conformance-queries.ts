// Conformance: what is found, and in what order.
import { allRows, bytesOf, equal, keyOf, type StoreTest, sample, tableNames, write } from './conformance-support.js'
import { type FindQuery, find, get, insert, remove } from './contract.js'
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
