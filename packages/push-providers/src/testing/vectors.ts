// The recorded cases of test-vectors/ntf, and their hex.
import { readFileSync } from 'node:fs'

/** The cases of `test-vectors/ntf/<name>.json` as pairs for `test.each`. */
export function vectors<T extends { id: string }>(name: string): (readonly [string, T])[] {
  const file = new URL(`../../../../test-vectors/ntf/${name}.json`, import.meta.url)
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: T[] }
  return cases.map((c) => [c.id, c] as const)
}

export const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
