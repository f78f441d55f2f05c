// What is said of a key, once.
import type { Type } from './config-types.js'

export interface Key<T, D extends T | undefined = T | undefined> {
  readonly type: Type<T>
  /** Without one, the key need not be there. */
  readonly default: D
  /** One line. */
  readonly doc: string
  /** What stands there in messages is not shown. */
  readonly secret?: boolean
  /** What the comment shows of a key without a default. */
  readonly example?: string
}

export interface Section {
  readonly doc: string
  readonly keys: Readonly<Record<string, Key<unknown>>>
}

export const key = <T>(type: Type<T>, value: T, doc: string): Key<T, T> => ({ type, default: value, doc })

export function optional<T>(type: Type<T>, example: string, doc: string, { secret = false } = {}): Key<T, undefined> {
  return { type, default: undefined, doc, example, secret }
}
