import { describe, expect, it } from 'vitest'
import { agentSchema } from './agent-schema.js'
import type { Cells } from './cells.js'
import { createCells } from './cells.js'
import type { Write } from './contract.js'
import { find, get, insert, page, put, remove, removeAll, update } from './contract.js'
import type { Query } from './queries.js'
import { createSql } from './sql.js'
import { postgresDialect, sqliteDialect } from './sql-text.js'
import { thingSchema } from './testing/things.js'

const cells = createCells('agent', null)
const [connId, hash] = [Uint8Array.of(1), Uint8Array.of(2)]

/** Of what is one statement. */
function createOne(dialect: typeof sqliteDialect) {
  const sql = createSql(agentSchema, dialect)
  return {
    query: (query: Query, cells: Cells) => sql.query(query, cells)[0],
    write: (write: Write, cells: Cells) => sql.writes([write], cells)[0],
    last: sql.last,
  }
}
const sqlite = createOne(sqliteDialect)
const postgres = createOne(postgresDialect)

describe('statements', () => {
  it('number the values in the language of PostgreSQL, and only there', () => {
    const query = find('deliveries', 'byQueue', { connId, queueNo: 2 }, 5)
    expect(postgres.query(query, cells)).toStrictEqual({
      text:
        'SELECT "conn_id", "queue_no", "message_id", "fast_delay", "slow_delay" FROM "agent_deliveries" ' +
        'WHERE "conn_id" = $1 AND "queue_no" = $2 ORDER BY "conn_id", "queue_no", "message_id" LIMIT $3',
      values: [connId, 2, 5],
    })
    expect(sqlite.query(query, cells)?.text).toContain('WHERE "conn_id" = ? AND "queue_no" = ? ORDER BY')
  })

  it('write in a way that tells how many rows changed', () => {
    const row = { connId, kind: 'message', hash, createdAt: 7 } as const
    const into = 'INSERT INTO "agent_hashes" ("conn_id", "kind", "hash", "created_at") VALUES ($1, $2, $3, $4)'
    expect(postgres.write(insert('hashes', row), cells)).toStrictEqual({
      text: `${into} ON CONFLICT DO NOTHING`,
      values: [connId, 'message', hash, 7],
      conflict: expect.stringContaining('hashes'),
      rows: 1,
    })
    expect(postgres.write(put('hashes', row), cells)).toStrictEqual({
      text: `${into} ON CONFLICT ("conn_id", "kind", "hash") DO UPDATE SET "created_at" = excluded."created_at"`,
      values: [connId, 'message', hash, 7],
      conflict: undefined,
      rows: 1,
    })
    expect(postgres.write(update('ratchets', { connId }, { version: 3, state: hash }), cells)).toStrictEqual({
      text: 'UPDATE "agent_ratchets" SET "version" = $1, "state" = $2 WHERE "conn_id" = $3 AND "version" = $4',
      values: [3, hash, connId, 2],
      conflict: expect.stringContaining('ratchets'),
      rows: 1,
    })
    expect(postgres.write(remove('events', { eventId: 4 }), cells)).toStrictEqual({
      text: 'DELETE FROM "agent_events" WHERE "event_id" = $1',
      values: [4],
      conflict: undefined,
      rows: 1,
    })
    expect(postgres.write(removeAll('events', 'byConnection', { connId }), cells)?.text).toBe(
      'DELETE FROM "agent_events" WHERE "conn_id" = $1',
    )
  })

  it('look for secrets by their hashes', () => {
    const encrypted = createCells('agent', new Uint8Array(32))
    const found = postgres.query(find('receiveQueues', 'byRecipientId', { recipientId: hash }), encrypted)
    expect(found?.text).toContain('WHERE "recipient_id_hash" = $1 ORDER BY "conn_id", "queue_no"')
    expect(found?.values).toStrictEqual([encrypted.hash('receiveQueues', 'recipientId', hash)])
  })

  it('order no rows of a unique index: another one that has this order would be looked through instead', () => {
    const { query } = createSql(thingSchema, postgresDialect)
    const textOf = (one: Query) => query(one, cells)[0]?.text
    const byName = textOf({ table: 'things', index: 'byName', any: [{ kind: 'a', name: hash }] })
    expect(byName).toContain('LATERAL')
    expect(byName?.match(/ORDER BY .*/g)).toEqual(['ORDER BY v.n'])
    const byKind = textOf({ table: 'things', index: 'byKind', any: [{ kind: 'a' }] })
    expect(byKind).toContain('ORDER BY "id"')
  })

  it('go on after the last row of a page', () => {
    expect(postgres.query(page('sendQueues', { connId, queueNo: 3 }, 10), cells)).toMatchObject({
      text: expect.stringMatching(/WHERE \("conn_id", "queue_no"\) > \(\$1, \$2\) ORDER BY .* LIMIT \$3$/),
      values: [connId, 3, 10],
    })
    expect(postgres.query(page('sendQueues', null, 10), cells)?.text).not.toContain('WHERE')
    expect(postgres.last('commands').text).toBe('SELECT max("command_no") AS last FROM "agent_commands"')
  })

  it('have the same text for the same operation, so that it is prepared once', () => {
    const texts = (key: number) => [
      sqlite.query(get('events', { eventId: key }), cells)?.text,
      sqlite.write(update('events', { eventId: key }, { type: String(key) }), cells)?.text,
    ]
    expect(texts(1)).toStrictEqual(texts(2))
    expect(sqlite.write(update('events', { eventId: 1 }, { messageId: 1 }), cells)?.text).not.toBe(texts(1)[1])
  })
})
