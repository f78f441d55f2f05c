// Spec 30 §4: the few validators that this package's own definitions need. Unknown fields are left out, never refused.
import type { OutputOf, SchemaIssue, SchemaResult, StandardSchemaV1 } from './standard-schema.js'

/** A validator that does not wait. */
export interface Schema<T> extends StandardSchemaV1<T, T> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<T>
    readonly types?: { readonly input: T; readonly output: T } | undefined
  }
}

const of = <T>(validate: (value: unknown) => SchemaResult<T>): Schema<T> => ({
  '~standard': { version: 1, vendor: 'smpkit', validate },
})

const check = <T>(schema: Schema<T>, value: unknown): SchemaResult<T> => schema['~standard'].validate(value)

const expected = (what: string): { issues: SchemaIssue[] } => ({ issues: [{ message: `expected ${what}` }] })

const within = (key: PropertyKey, issues: readonly SchemaIssue[]): SchemaIssue[] =>
  issues.map(({ message, path = [] }) => ({ message, path: [key, ...path] }))

const encoder = new TextEncoder()

/** A text of `min` to `max` bytes of UTF-8, of whole characters. */
export function text({
  what = 'a text',
  min = 1,
  max,
  pattern,
}: {
  what?: string
  min?: number
  max: number
  pattern?: RegExp
}): Schema<string> {
  const wanted = expected(`${what} of ${min} to ${max} bytes`)
  return of((value) => {
    // A lone surrogate has no bytes, and NUL no place in a PostgreSQL text.
    if (typeof value !== 'string' || value.length > max || /\p{Surrogate}|\0/u.test(value)) return wanted
    const { length } = encoder.encode(value)
    return length >= min && length <= max && (pattern?.test(value) ?? true) ? { value } : wanted
  })
}

/** base64url of `min` to `max` bytes; whether it is the shortest form is for its reader to tell. */
export function base64url(min: number, max: number): Schema<string> {
  const pattern = /^[\w-]+={0,2}$/
  const wanted = expected(`base64url of ${min} to ${max} bytes`)
  return of((value) => {
    if (typeof value !== 'string' || value.length > 2 * max + 4 || !pattern.test(value)) return wanted
    const bare = value.replace(/=+$/, '')
    const isPadded = bare.length === value.length || value.length % 4 === 0
    const bytes = Math.floor((bare.length * 3) / 4)
    return isPadded && bare.length % 4 !== 1 && bytes >= min && bytes <= max ? { value } : wanted
  })
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Schema<number> {
  return of((value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? { value: value as number }
      : expected(`a whole number from ${min}${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ''}`),
  )
}

export function oneOf<const T extends string>(...words: readonly T[]): Schema<T> {
  const known = new Set<unknown>(words)
  return of((value) => (known.has(value) ? { value: value as T } : expected(words.join(' or '))))
}

/** A field that may be absent. */
export interface Optional<T> {
  readonly optional: Schema<T>
}

export const optional = <T>(schema: Schema<T>): Optional<T> => ({ optional: schema })

type Fields = Readonly<Record<string, Schema<unknown> | Optional<unknown>>>
type OptionalNames<F extends Fields> = { [K in keyof F]: F[K] extends Optional<unknown> ? K : never }[keyof F]
type FieldType<F> = F extends Optional<infer T> ? T : F extends Schema<infer T> ? T : never
type Flat<T> = { [K in keyof T]: T[K] }
export type ObjectOf<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalNames<F>>]: FieldType<F[K]> } & {
    readonly [K in OptionalNames<F>]?: FieldType<F[K]>
  }
>

export function object<const F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  const entries = Object.entries(fields)
  return of((value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return expected('an object')
    const given = value as Readonly<Record<string, unknown>>
    const issues: SchemaIssue[] = []
    const found: [string, unknown][] = []
    for (const [name, field] of entries) {
      const got = Object.hasOwn(given, name) ? given[name] : undefined
      if ('optional' in field && got === undefined) continue
      const result = check('optional' in field ? field.optional : field, got)
      if (result.issues) issues.push(...within(name, result.issues))
      else found.push([name, result.value])
    }
    return issues.length > 0 ? { issues } : { value: Object.fromEntries(found) as ObjectOf<F> }
  })
}

export function list<T>(item: Schema<T>, max: number = Number.POSITIVE_INFINITY): Schema<readonly T[]> {
  return of((value) => {
    if (!Array.isArray(value)) return expected('a list')
    if (value.length > max) return expected(`a list of up to ${max}`)
    const results = value.map((one) => check(item, one))
    const issues = results.flatMap((result, i) => (result.issues ? within(i, result.issues) : []))
    if (issues.length > 0) return { issues }
    return { value: results.flatMap((result) => (result.issues ? [] : [result.value])) }
  })
}

/** The schema that the value's own shape chooses, so that the issues are about that one. */
export function choose<S extends Schema<unknown>>(choice: (value: unknown) => S): Schema<OutputOf<S>> {
  return of((value) => check(choice(value), value) as SchemaResult<OutputOf<S>>)
}

/** A number that may come as decimal digits: in a query. */
export function fromDigits(schema: Schema<number>): Schema<number> {
  return of((value) => check(schema, typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value))
}

/** Anything. */
export const unknownValue: Schema<unknown> = of((value) => ({ value }))
