// The recorded cases of test-vectors/ntf, and values in their form.
import { readFileSync } from 'node:fs'
import { toHex } from '@smpkit/encoding'
import type { NtfVersion } from '../versions.js'

/** What the cases of all suites have; `O` and `I` are those of an operation. */
export interface Vector<I = unknown, O = unknown> {
  readonly id: string
  readonly op: string
  readonly type?: string
  readonly version: NtfVersion
  readonly value: unknown
  readonly bytes: string
  readonly text: string
  readonly canonical?: string
  readonly in: I
  readonly out: O
  readonly error?: string
}

/** The cases of `test-vectors/ntf/<name>.json` with one of these operations, as pairs for `test.each`. */
export function vectors<I = unknown, O = unknown>(name: string, ...ops: string[]) {
  const file = new URL(`../../../../test-vectors/ntf/${name}.json`, import.meta.url)
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Vector<I, O>[] }
  return cases.filter(({ op }) => ops.includes(op)).map((c) => [c.id, c] as const)
}

export const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

/** Our value as the vectors write it: hex, keys as DER, the fields of a server in the value itself, a host as its text. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('toDer' in value) return toHex((value as { toDer(): Uint8Array }).toDer())
  const { hosts, server, ...rest } = value as Record<string, unknown>
  return {
    ...Object.fromEntries(Object.entries(rest).map(([name, field]) => [name, plain(field)])),
    ...(hosts === undefined ? {} : { hosts: (hosts as { text: string }[]).map(({ text }) => text) }),
    ...(server === undefined ? {} : (plain(server) as object)),
  }
}
