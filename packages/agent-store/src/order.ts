// The order of values that all stores keep: bytes byte for byte, numbers by size, text by its characters.
import { toHex } from '@smpkit/encoding'
import type { AnyRow } from './queries.js'

const utf8 = new TextEncoder()

/** Of the same order as what it is made from, in each column: so sorting texts sorts by primary key. */
function sortable(value: unknown): string {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'number') return (BigInt(value) + 2n ** 53n).toString(16).padStart(14, '0')
  return toHex(utf8.encode(String(value)))
}

/** One text for the values of some columns. `!` is less than any hexadecimal digit, so that a value comes before what it is the beginning of. */
export const keyText = (columns: readonly string[], row: AnyRow): string =>
  columns.map((name) => sortable(row[name])).join('!')
