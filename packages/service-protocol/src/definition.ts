// Spec 30 §4: what a service offers, said once for its client and its router.
import type { SuccessStatus } from './answer.js'
import type { Method } from './read-message.js'
import type { ParamNames, Params } from './resource.js'
import type { InputOf, OutputOf, StandardSchemaV1 } from './standard-schema.js'

/** One method of a resource. */
export interface MethodDefinition {
  /** Of the request; without it data is ignored. */
  readonly data?: StandardSchemaV1
  /** Of the query's names and texts; without it the handler gets the texts. */
  readonly query?: StandardSchemaV1
  /** A list as data that is longer is answered `too_large`. */
  readonly maxItems?: number
  /** How the request may succeed, and with which data; `null`: with none. */
  readonly answers: { readonly [Status in SuccessStatus]?: StandardSchemaV1 | null }
}

/** Resources by their patterns: a part that begins with `:` is a parameter. The first pattern that matches counts. */
export type ServiceDefinition = {
  readonly [Pattern in `/${string}`]: { readonly [M in Method]?: MethodDefinition }
}

/** Takes the definition as it is; what is no resource in it is a compile error. */
export function defineService<const D extends ServiceDefinition>(
  definition: D & { readonly [P in keyof D]: P extends PatternOf<D> ? unknown : never },
): D {
  return definition
}

export type PatternOf<D> = keyof D & `/${string}`
export type MethodOf<D, P extends PatternOf<D>> = keyof D[P] & Method

/** What a client gives as data. */
export type DataInput<M> = M extends { data: infer S extends StandardSchemaV1 } ? InputOf<S> : undefined
/** What a handler gets as data. */
export type DataOutput<M> = M extends { data: infer S extends StandardSchemaV1 } ? OutputOf<S> : undefined

type Texts = Readonly<Record<string, string>>
export type QueryInput<M> = M extends { query: infer S extends StandardSchemaV1 } ? InputOf<S> : Texts
export type QueryOutput<M> = M extends { query: infer S extends StandardSchemaV1 } ? OutputOf<S> : Texts

type AnswersOf<M> = M extends { answers: infer A } ? A : never

/** A success as a handler gives it. */
export type AnswerInput<M> = {
  [S in keyof AnswersOf<M>]: AnswersOf<M>[S] extends infer A extends StandardSchemaV1
    ? { readonly status: S; readonly data: InputOf<A> }
    : { readonly status: S; readonly data?: undefined }
}[keyof AnswersOf<M>]

/** A success as a client gets it. */
export type AnswerOutput<M> = {
  [S in keyof AnswersOf<M>]: AnswersOf<M>[S] extends infer A extends StandardSchemaV1
    ? { readonly status: S; readonly data: OutputOf<A> }
    : { readonly status: S; readonly data?: undefined }
}[keyof AnswersOf<M>]

/** The option `params`, where a pattern has some. */
export type ParamsOption<P extends string> = [ParamNames<P>] extends [never] ? unknown : { readonly params: Params<P> }
