// Deep comparison of JSON values, and how a difference is shown.
import { isObject, type Json } from './case.js'

export interface Difference {
  /** Where: `value.hosts[1].text`. */
  readonly path: string
  readonly expected: Json
  readonly actual: Json
}

/** The first difference; a missing field is the same as `null`. */
export function firstDifference(expected: Json, actual: Json, path = ''): Difference | undefined {
  if (isObject(expected) && isObject(actual)) {
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const inner = path === '' ? name : `${path}.${name}`
      const difference = firstDifference(expected[name] ?? null, actual[name] ?? null, inner)
      if (difference) return difference
    }
    return undefined
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
      const difference = firstDifference(expected[i] ?? null, actual[i] ?? null, `${path}[${i}]`)
      if (difference) return difference
    }
    return expected.length === actual.length ? undefined : { path, expected, actual }
  }
  return expected === actual ? undefined : { path, expected, actual }
}

function shorten(value: Json): string {
  const text = JSON.stringify(value)
  return text.length <= 100 ? text : `${text.slice(0, 97)}… (${text.length} characters)`
}

export function describe({ path, expected, actual }: Difference): string {
  return `${path}: expected ${shorten(expected)}, got ${shorten(actual)}`
}

/** Bytes in a row of the long form. */
const rowLength = 24
/** Rows before and after the first difference. */
const around = 2

const isHex = (value: Json): value is string => typeof value === 'string' && /^(?:[0-9a-f]{2})+$/.test(value)

/** Hex values byte under byte with `^^` under the first difference; other values in full. */
export function describeFully(difference: Difference): string {
  const { path, expected, actual } = difference
  if (!isHex(expected) || !isHex(actual)) {
    return `${path}\n  expected ${JSON.stringify(expected)}\n  actual   ${JSON.stringify(actual)}`
  }
  const bytesOf = (hex: string) => hex.match(/../g) ?? []
  const [left, right] = [bytesOf(expected), bytesOf(actual)]
  const longest = Math.max(left.length, right.length)
  let at = 0
  while (at < longest && left[at] === right[at]) at++
  const row = Math.floor(at / rowLength)
  const lines = [`${path}: ${left.length} bytes expected, ${right.length} bytes got, different from byte ${at}`]
  for (let i = Math.max(0, row - around); i <= row + around && i * rowLength < longest; i++) {
    const start = i * rowLength
    const offset = String(start).padStart(6)
    lines.push(`  expected ${offset}  ${left.slice(start, start + rowLength).join(' ')}`)
    lines.push(`  actual   ${offset}  ${right.slice(start, start + rowLength).join(' ')}`)
    if (i === row) lines.push(`${' '.repeat(19 + 3 * (at - start))}^^`)
  }
  return lines.join('\n')
}
