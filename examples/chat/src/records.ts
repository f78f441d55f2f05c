// What a program remembers beside its agent: small JSON values in one table, next to the agent's own.
import { decryptAesGcm, encryptAesGcm, hkdfSha512, randomBytes } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import type { Sql, SqlRow } from './sql.js'

/** Values of one kind, each known by an owner (a connection, for instance) and a number. */
export interface Records<T> {
  get(owner: string, no?: number): Promise<T | undefined>
  put(owner: string, no: number, value: T): Promise<void>
  /** `false` if there is one already, which stays. */
  insert(owner: string, no: number, value: T): Promise<boolean>
  /** In the order of their numbers. `last`: so many, those with the largest numbers. */
  list(options?: { readonly owner?: string; readonly last?: number }): Promise<readonly RecordOf<T>[]>
  remove(owner: string, no?: number): Promise<void>
}

export interface RecordOf<T> {
  readonly owner: string
  readonly no: number
  readonly value: T
}

export interface Archive {
  records<T>(kind: string): Records<T>
}

const table = `CREATE TABLE IF NOT EXISTS chat_records (
  kind TEXT NOT NULL, owner TEXT NOT NULL, no INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, owner, no))`
const one = 'kind = ? AND owner = ? AND no = ?'

/** `key`: of the store; values are encrypted with another that is made of it. */
export async function openArchive(sql: Sql, key: Uint8Array | null): Promise<Archive> {
  await sql(table)
  const cells = key ? sealedCells(hkdfSha512(new Uint8Array(0), key, 'chat records', 32)) : plainCells
  const insertSql =
    'INSERT INTO chat_records (kind, owner, no, value) VALUES (?, ?, ?, ?) ON CONFLICT (kind, owner, no)'
  return {
    records<T>(kind: string): Records<T> {
      const place = (owner: string, no: number) => JSON.stringify([kind, owner, no])
      const toRecord = (row: SqlRow): RecordOf<T> => {
        const [owner, no] = [String(row.owner), Number(row.no)]
        return { owner, no, value: JSON.parse(cells.open(place(owner, no), String(row.value))) as T }
      }
      const sealed = (owner: string, no: number, value: T) => cells.seal(place(owner, no), JSON.stringify(value))
      return {
        async get(owner, no = 0) {
          const [row] = await sql(`SELECT owner, no, value FROM chat_records WHERE ${one}`, kind, owner, no)
          return row && toRecord(row).value
        },
        async put(owner, no, value) {
          const text = sealed(owner, no, value)
          await sql(`${insertSql} DO UPDATE SET value = excluded.value`, kind, owner, no, text)
        },
        async insert(owner, no, value) {
          const text = sealed(owner, no, value)
          return (await sql(`${insertSql} DO NOTHING RETURNING no`, kind, owner, no, text)).length > 0
        },
        async list({ owner, last } = {}) {
          const rows = await sql(
            `SELECT owner, no, value FROM chat_records WHERE kind = ?${owner === undefined ? '' : ' AND owner = ?'}
            ORDER BY no DESC${last === undefined ? '' : ' LIMIT ?'}`,
            ...[kind, owner, last].filter((value) => value !== undefined),
          )
          return rows.map(toRecord).reverse()
        },
        async remove(owner, no = 0) {
          await sql(`DELETE FROM chat_records WHERE ${one}`, kind, owner, no)
        },
      }
    },
  }
}

/** A value is bound to its place: it cannot be moved to another. */
interface Cells {
  seal(place: string, text: string): string
  open(place: string, stored: string): string
}

const plainCells: Cells = { seal: (_, text) => text, open: (_, stored) => stored }

const ivLength = 12
const tagLength = 16

function sealedCells(key: Uint8Array): Cells {
  const bytes = (text: string) => new TextEncoder().encode(text)
  return {
    seal(place, text) {
      const iv = randomBytes(ivLength)
      const { tag, ciphertext } = encryptAesGcm(key, iv, bytes(place), bytes(text))
      return toBase64url(Buffer.concat([iv, tag, ciphertext]))
    },
    open(place, stored) {
      const sealed = fromBase64url(stored)
      const [iv, rest] = [sealed.subarray(0, ivLength), sealed.subarray(ivLength)]
      const text = decryptAesGcm(key, iv, bytes(place), rest.subarray(0, tagLength), rest.subarray(tagLength))
      return new TextDecoder().decode(text)
    },
  }
}

/** For a program that keeps nothing. */
export function memoryArchive(): Archive {
  const kinds = new Map<string, Map<string, RecordOf<unknown>>>()
  return {
    records<T>(kind: string): Records<T> {
      const known = kinds.get(kind) ?? new Map<string, RecordOf<T>>()
      kinds.set(kind, known)
      const rows = known as Map<string, RecordOf<T>>
      const place = (owner: string, no: number) => JSON.stringify([owner, no])
      return {
        get: async (owner, no = 0) => rows.get(place(owner, no))?.value,
        put: async (owner, no, value) => void rows.set(place(owner, no), { owner, no, value }),
        async insert(owner, no, value) {
          if (rows.has(place(owner, no))) return false
          rows.set(place(owner, no), { owner, no, value })
          return true
        },
        async list({ owner, last = Number.POSITIVE_INFINITY } = {}) {
          const found = [...rows.values()].filter((row) => owner === undefined || row.owner === owner)
          return found.sort((a, b) => a.no - b.no).slice(-Math.min(last, found.length || 1))
        },
        remove: async (owner, no = 0) => void rows.delete(place(owner, no)),
      }
    },
  }
}
