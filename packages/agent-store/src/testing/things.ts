// A schema with what an agent's tables do not have: ordered and unique indexes. For tests of the engine.
import type { Schema } from '../schema.js'
import { int, lookup, nullable, table, text } from '../table.js'

export const tables = {
  things: table({
    columns: { id: text(), kind: text(), name: lookup, at: nullable(int), groupId: nullable(int) },
    key: ['id'],
    indexes: { byKind: ['kind'], byName: ['kind', 'name'], byGroup: ['groupId'] },
    ordered: { byAt: ['at'], byKindAt: ['kind', 'at'] },
    unique: ['byName'],
  }),
  groups: table({ columns: { groupId: int, title: text() }, key: ['groupId'], indexes: {} }),
} as const

const migration = (bytes: string, int: string, string: string) => `
CREATE TABLE thing_things (id ${string} NOT NULL, kind ${string} NOT NULL, name ${bytes} NOT NULL, name_hash ${bytes} NOT NULL,
  at ${int}, group_id ${int}, PRIMARY KEY (id));
CREATE INDEX thing_things_by_kind ON thing_things (kind, id);
CREATE UNIQUE INDEX thing_things_by_name ON thing_things (kind, name_hash);
CREATE INDEX thing_things_by_group ON thing_things (group_id);
CREATE INDEX thing_things_by_at ON thing_things (at, id);
CREATE INDEX thing_things_by_kind_at ON thing_things (kind, at, id);
CREATE TABLE thing_groups (group_id ${int} NOT NULL PRIMARY KEY, title ${string} NOT NULL);
CREATE TABLE thing_meta (name ${string} NOT NULL PRIMARY KEY, value ${string} NOT NULL);
`

export const thingSchema: Schema<typeof tables> = {
  name: 'thing',
  lock: 0x74657374,
  tables,
  migrations: [
    {
      number: 1,
      name: 'thing',
      sqlite: migration('BLOB', 'INTEGER', 'TEXT'),
      postgres: migration('bytea', 'bigint', 'text COLLATE "C"'),
    },
  ],
  onRestore: [],
}
