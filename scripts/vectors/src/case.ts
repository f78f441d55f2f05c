// test-vectors/README.md: the parts of a vector file, and their values as JSON.
import type { PrivateKey, PublicKey } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

export interface VectorCase {
  readonly id: string
  readonly op: string
  readonly type?: string
  /** Which codec of the suite a case is about; `type` in the older suites. */
  readonly kind?: string
  readonly version?: number
  readonly in?: Json
  readonly out?: Json
  readonly value?: Json
  readonly bytes?: string
  readonly text?: string
  readonly canonical?: string
  readonly sent?: string[]
  readonly error?: Json
  readonly lax?: boolean
  readonly quirk?: boolean
}

/** What an operation of a suite gave, and what the case expects of it. */
export interface Operation {
  /** Throws our typed errors. */
  actual(vector: VectorCase): unknown
  expected(vector: VectorCase): Json
}

export interface Suite {
  readonly ops: Readonly<Record<string, Operation>>
  /** The vectors' name for one of our errors; by default its code, and INVALID for what does not decode. */
  readonly errorName?: (error: TypedError) => string
  /** Whether a case belongs to a protocol version that we do not speak; by default never. */
  readonly isBelowV14?: (vector: VectorCase) => boolean
}

/** The shape of every error class of the packages. Errors of the engine do not have it. */
export type TypedError = Error & { readonly code: string; readonly temporary: boolean }

export function isTypedError(error: unknown): error is TypedError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'temporary' in error
}

/** A mistake in the vector itself: no outcome passes. */
export class VectorError extends Error {
  override readonly name = 'VectorError'
}

/** What the runner finds where a package gives no error of its own. */
export class RunnerError extends Error {
  override readonly name = 'RunnerError'
  readonly temporary = false

  constructor(
    /** `EOF`: the case has no more blocks. `REFUSED`: the package answered with an error. */
    readonly code: 'EOF' | 'REFUSED',
    message: string,
  ) {
    super(message)
  }
}

/** An operation with inputs in `in` and outputs in `out`. */
export function operation(actual: (input: Fields, vector: VectorCase) => unknown): Operation {
  return {
    actual: (vector) => actual(new Fields(vector.in ?? {}), vector),
    expected: (vector) => vector.out ?? null,
  }
}

/** The same where a case names some of the outputs; the others are not compared. */
export function partialOperation(actual: (input: Fields, vector: VectorCase) => unknown): Operation {
  const whole = operation(actual)
  return { ...whole, actual: (vector) => namedBy(vector.out, toJson(whole.actual(vector))) }
}

/** Leaves out of objects what `names` does not have, at every depth. */
function namedBy(names: Json | undefined, value: Json): Json {
  if (Array.isArray(names) && Array.isArray(value)) return value.map((item, i) => namedBy(names[i], item))
  if (!isObject(names) || !isObject(value)) return value
  return Object.fromEntries(Object.keys(names).map((name) => [name, namedBy(names[name], value[name] ?? null)]))
}

/** One data type of a suite: its JSON form in both directions. */
export interface Form {
  encode(value: Json): Uint8Array | string
  decode(bytes: Uint8Array): unknown
}

/** The operations `roundtrip`, `encode` and `decode` of the data type that a case is about. */
export function binaryOperations(formOf: (vector: VectorCase) => Form): Record<string, Operation> {
  return operationsOf('', 'bytes', formOf, (form, vector) => form.decode(fromHex(vector.bytes ?? '')))
}

/** The same for a text form, which is in the field `text`. */
export function textOperations(
  formOf: (vector: VectorCase) => { encode(value: Json): string; decode(text: string): unknown },
): Record<string, Operation> {
  return operationsOf('text-', 'text', formOf, (form, vector) => form.decode(vector.text ?? ''))
}

function operationsOf<F extends { encode(value: Json): unknown }>(
  prefix: string,
  field: 'bytes' | 'text',
  formOf: (vector: VectorCase) => F,
  decode: (form: F, vector: VectorCase) => unknown,
): Record<string, Operation> {
  const encoded = (vector: VectorCase) => toJson(formOf(vector).encode(vector.value ?? null))
  const value = (vector: VectorCase) => toJson(decode(formOf(vector), vector))
  return {
    [`${prefix}encode`]: {
      actual: (vector) => ({ [field]: encoded(vector) }),
      expected: (vector) => ({ [field]: vector[field] ?? null }),
    },
    [`${prefix}decode`]: {
      actual: (vector) => ({ value: value(vector) }),
      expected: (vector) => ({ value: vector.value ?? null }),
    },
    [`${prefix}roundtrip`]: {
      actual: (vector) => ({ [field]: encoded(vector), value: value(vector) }),
      expected: (vector) => ({ [field]: vector[field] ?? null, value: vector.value ?? null }),
    },
  }
}

export function isObject(value: unknown): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function fromHex(hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(hex)) throw new VectorError('expected lower-case hex')
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}

function isKey(value: object): value is PublicKey | PrivateKey {
  return 'toDer' in value
}

/** Bytes as hex, keys as hex of their DER, big integers as numbers below 2^53, otherwise as decimal strings. */
export function toJson(value: unknown): Json {
  if (value === undefined || value === null) return null
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value !== 'object') return value as boolean | number | string
  if (isKey(value)) return toHex(value.toDer())
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toJson(field)]))
}

export function toBigInt(value: Json): bigint {
  return BigInt(value as number | string)
}

/** Reads the named inputs of a case; a wrong kind of value is a mistake in the vector. */
export class Fields {
  readonly #fields: { [name: string]: Json }

  constructor(fields: Json) {
    if (!isObject(fields)) throw new VectorError('expected an object')
    this.#fields = fields
  }

  get(name: string): Json {
    return this.#fields[name] ?? null
  }

  #checked<T>(name: string, kind: string, isKind: (value: Json) => value is T & Json): T {
    const value = this.get(name)
    if (!isKind(value)) throw new VectorError(`expected a ${kind} in ${name}`)
    return value
  }

  has(name: string): boolean {
    return this.get(name) !== null
  }

  text(name: string): string {
    return this.#checked(name, 'string', (value) => typeof value === 'string')
  }

  number(name: string): number {
    return this.#checked(name, 'number', (value) => typeof value === 'number')
  }

  boolean(name: string): boolean {
    return this.#checked(name, 'boolean', (value) => typeof value === 'boolean')
  }

  bytes(name: string): Uint8Array {
    return fromHex(this.text(name))
  }

  fields(name: string): Fields {
    return new Fields(this.get(name))
  }

  list(name: string): Json[] {
    return this.#checked(name, 'list', (value): value is Json[] => Array.isArray(value))
  }

  bytesList(name: string): Uint8Array[] {
    return this.list(name).map((item) => fromHex(item as string))
  }
}
