// design.md §6: secret columns at rest, AES-256-GCM with a random nonce, bound to their place; HMACs to look rows up by.
import { constantTimeEqual, decryptAesGcm, encryptAesGcm, hkdfSha512, hmacSha512, randomBytes } from '@smpkit/crypto'
import { concat, toHex } from '@smpkit/encoding'
import { StoreError } from './errors.js'

export const storeKeyLength = 32
const keyIdLength = 8
const nonceLength = 12
const tagLength = 16
const hashLength = 32

/** How a store keeps its secret columns. */
export interface Cells {
  /** Names the key without telling it: 16 hexadecimal digits, or empty without a key. */
  readonly keyId: string
  /** `place` comes from `placeOf`. */
  seal(place: Uint8Array, value: Uint8Array): Uint8Array
  /** A new array, or `value` itself without a key. Throws StoreError `CORRUPT` if it was not sealed with this key for this place. */
  open(place: Uint8Array, value: Uint8Array): Uint8Array
  /** What a column of look-ups has beside the secret: 32 bytes, or `value` itself without a key. */
  hash(table: string, column: string, value: Uint8Array): Uint8Array
}

/** Each with its length before it; numbers in decimal. */
function withLengths(items: readonly unknown[]): Uint8Array {
  const parts = items.map((item) => (item instanceof Uint8Array ? item : String(item)))
  const lengths = parts.map((part) => (typeof part === 'string' ? Buffer.byteLength(part) : part.length))
  const bytes = Buffer.alloc(lengths.reduce((sum, length) => sum + 4 + length, 0))
  let at = 0
  parts.forEach((part, i) => {
    at = bytes.writeUInt32BE(lengths[i] ?? 0, at)
    if (typeof part === 'string') at += bytes.write(part, at)
    else {
      bytes.set(part, at)
      at += part.length
    }
  })
  return bytes
}

/** Table, column and primary key of a cell. */
export const placeOf = (table: string, column: string, key: readonly unknown[]): Uint8Array =>
  withLengths([table, column, ...key])

const plainCells: Cells = {
  keyId: '',
  seal: (_place, value) => value,
  open: (_place, value) => value,
  hash: (_table, _column, value) => value,
}

/**
 * `key` of 32 bytes, or `null` for a store that is not encrypted; `name` is that of its schema: stores with the same key share no derived one.
 * A cell is: key id (8 bytes), nonce (12), tag (16), ciphertext.
 * @throws StoreError `KEY` for another length
 */
export function createCells(name: string, key: Uint8Array | null): Cells {
  if (key === null) return plainCells
  if (key.length !== storeKeyLength) {
    throw new StoreError('KEY', `expected a key of ${storeKeyLength} bytes, got ${key.length}`)
  }
  const derive = (use: string, length: number) =>
    hkdfSha512(new Uint8Array(), key, `smpkit ${name}-store ${use}`, length)
  const [cellKey, hashKey, keyId] = [derive('cells', 32), derive('lookups', 64), derive('key id', keyIdLength)]

  return {
    keyId: toHex(keyId),
    seal(place, value) {
      const nonce = randomBytes(nonceLength)
      const { tag, ciphertext } = encryptAesGcm(cellKey, nonce, place, value)
      return concat(keyId, nonce, tag, ciphertext)
    },
    open(place, cell) {
      const rest = cell.subarray(keyIdLength)
      if (rest.length < nonceLength + tagLength || !constantTimeEqual(cell.subarray(0, keyIdLength), keyId)) {
        throw new StoreError('CORRUPT', 'a secret is not encrypted with the key of this store')
      }
      const nonce = rest.subarray(0, nonceLength)
      const tag = rest.subarray(nonceLength, nonceLength + tagLength)
      try {
        return decryptAesGcm(cellKey, nonce, place, tag, rest.subarray(nonceLength + tagLength))
      } catch (cause) {
        throw new StoreError('CORRUPT', 'an encrypted secret was changed or belongs to another place', { cause })
      }
    },
    hash(table, column, value) {
      return hmacSha512(hashKey, concat(withLengths([table, column]), value)).subarray(0, hashLength)
    },
  }
}
