// Spec 04 §5, 06 §7.3: JSON objects in messages.
import { type Codec, EncodeError } from '@smpkit/encoding'

/** Checks the type of a value and drops what is not listed; `invalid` makes the error. */
export type Check<T> = (value: unknown, invalid: (expected: string) => Error) => T

function primitive<T>(expected: string, is: (value: unknown) => value is T): Check<T> {
  return (value, invalid) => {
    if (!is(value)) throw invalid(expected)
    return value
  }
}

export const string = primitive('a string', (v) => typeof v === 'string')
export const boolean = primitive('a Boolean', (v) => typeof v === 'boolean')
export const integer = primitive('an integer', (v): v is number => Number.isSafeInteger(v))

export function oneOf<const W extends readonly string[]>(...words: W): Check<W[number]> {
  return primitive(`one of ${words.join(', ')}`, (v): v is W[number] => words.includes(v as string))
}

export function array<T>(item: Check<T>): Check<T[]> {
  return (value, invalid) => {
    if (!Array.isArray(value)) throw invalid('an array')
    return value.map((v) => item(v, invalid))
  }
}

/** `null` where the field is absent. */
export const orNull =
  <T>(check: Check<T>): Check<T | null> =>
  (value, invalid) =>
    value === undefined || value === null ? null : check(value, invalid)

/** No field where it is absent or `null`. */
export const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value, invalid) =>
    value === undefined || value === null ? undefined : check(value, invalid)

/** An object of these fields; others are ignored. */
export function object<T extends object>(fields: { [K in keyof T]-?: Check<T[K]> }): Check<T> {
  const entries = Object.entries(fields) as [string, Check<unknown>][]
  return (value, invalid) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('an object')
    const result: Record<string, unknown> = {}
    for (const [name, check] of entries) {
      const field = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
      const checked = check(field, (expected) => invalid(`${expected} in ${name}`))
      if (checked !== undefined) result[name] = checked
    }
    return result as T
  }
}

/** JSON text to the end of the message, with white space around it. */
export function json<T>(check: Check<T>): Codec<T> {
  return {
    write: (w, v) => w.utf8(JSON.stringify(check(v, (expected) => new EncodeError('RANGE', `expected ${expected}`)))),
    read(r) {
      const at = r.position
      const value = parse(r.utf8(r.tail()))
      return check(value, (expected) => r.invalid(`expected JSON with ${expected}`, at))
    },
  }
}

/** The value, or `undefined` for what is no JSON or repeats a key: readers differ in which of the two counts. */
function parse(text: string): unknown {
  let kept = 0
  let value: unknown
  try {
    value = JSON.parse(text, function (this: unknown, _key, field) {
      if (!Array.isArray(this)) kept++
      return field
    })
  } catch {
    return undefined
  }
  // The whole value is a field without a key of an object of its own.
  const keys = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon).length
  return keys === kept - 1 ? value : undefined
}
