// Spec 30 §2, §4: finds who answers a request, checks what it carries, and turns every outcome into an answer.
import { type Answer, failure } from './answer.js'
import type {
  AnswerInput,
  DataOutput,
  MethodDefinition,
  MethodOf,
  PatternOf,
  QueryOutput,
  ServiceDefinition,
} from './definition.js'
import { ServiceFailure } from './errors.js'
import type { ServiceRequest } from './read-message.js'
import { matchResource, type Params } from './resource.js'
import { issuesOf, type StandardSchemaV1 } from './standard-schema.js'
import { newId } from './write-message.js'

export interface HandlerRequest<P extends string, M, Context> {
  /** That of the request; `null` where neither it nor the channel has one. */
  readonly id: string | null
  readonly params: Params<P>
  readonly query: QueryOutput<M>
  readonly data: DataOutput<M>
  /** Whoever asks, as the application knows it. */
  readonly context: Context
  readonly signal: AbortSignal | undefined
}

/** Throws a `ServiceFailure` for every other answer than those of the definition. */
export type Handler<P extends string, M, Context> = (
  request: HandlerRequest<P, M, Context>,
) => AnswerInput<M> | Promise<AnswerInput<M>>

/** One handler for each method of each resource. */
export type Handlers<D extends ServiceDefinition, Context> = {
  readonly [P in PatternOf<D>]: { readonly [M in MethodOf<D, P>]: Handler<P, D[P][M], Context> }
}

/** A handler that threw something else than a `ServiceFailure`. */
export interface HandlerFault {
  readonly error: unknown
  /** The one in the answer, so that a log and a report can be brought together. */
  readonly errorId: string
  readonly method: string
  /** The pattern, which has no parameters of the request in it. */
  readonly pattern: string
}

export interface RouterOptions {
  readonly onError?: (fault: HandlerFault) => void
}

export interface DispatchOptions {
  readonly signal?: AbortSignal
}

export interface Router<Context> {
  /**
   * Answers any request, also one with a `problem`, and never rejects. A handler that fails after `signal` aborted is answered
   * `unavailable`.
   */
  dispatch(request: ServiceRequest, context: Context, options?: DispatchOptions): Promise<Answer>
}

interface Route {
  readonly pattern: string
  readonly methods: ReadonlyMap<string, { definition: MethodDefinition; handler: AnyHandler }>
}

type AnyHandler = (request: HandlerRequest<string, unknown, unknown>) => Answer | Promise<Answer>

/** `createRouter<typeof service, Context>(service, handlers)`. */
export function createRouter<D extends ServiceDefinition, Context = undefined>(
  definition: D,
  handlers: Handlers<D, Context>,
  { onError }: RouterOptions = {},
): Router<Context> {
  const routes = routesOf(
    definition,
    handlers as unknown as Readonly<Record<string, Readonly<Record<string, AnyHandler>>>>,
  )

  async function answer(request: ServiceRequest, context: Context, signal: AbortSignal | undefined): Promise<Answer> {
    const { id, method, data, problem } = request
    if (problem) return problem
    const found = findRoute(routes, request.resource)
    if (!found) return failure('not_found', { reason: 'resource' })
    const { pattern, params } = found
    const target = found.methods.get(method)
    if (!target) return failure('not_allowed', { reason: 'method', allow: [...found.methods.keys()] })
    const { definition, handler } = target
    const { maxItems } = definition
    if (maxItems !== undefined && Array.isArray(data) && data.length > maxItems) {
      return failure('too_large', { reason: 'list', max: maxItems })
    }
    try {
      const checked = {
        data: definition.data ? await checkedBy(definition.data, data, 'data') : undefined,
        query: definition.query ? await checkedBy(definition.query, request.query, 'query') : request.query,
      }
      return await handler({ id, params, ...checked, context, signal } as HandlerRequest<string, unknown, unknown>)
    } catch (error) {
      if (error instanceof ServiceFailure) return { status: error.status, data: error.data }
      if (signal?.aborted) return failure('unavailable', { reason: 'stopping', retryAfter: 1 })
      const errorId = newId()
      try {
        onError?.({ error, errorId, method, pattern })
      } catch {
        // Whoever logs must not decide what the requester gets.
      }
      return failure('error', { reason: 'error', id: errorId })
    }
  }

  return { dispatch: (request, context, { signal } = {}) => answer(request, context, signal) }
}

function routesOf(
  definition: ServiceDefinition,
  handlers: Readonly<Record<string, Readonly<Record<string, AnyHandler>>>>,
): Route[] {
  return Object.entries<ServiceDefinition[`/${string}`]>(definition).map(([pattern, methods]) => {
    const entries = Object.entries<MethodDefinition | undefined>(methods).flatMap(([method, definition]) => {
      const handler = handlers[pattern]?.[method]
      return definition && handler ? [[method, { definition, handler }] as const] : []
    })
    return { pattern, methods: new Map(entries) }
  })
}

function findRoute(routes: readonly Route[], resource: string) {
  for (const route of routes) {
    const params = matchResource(route.pattern, resource)
    if (params) return { ...route, params }
  }
  return undefined
}

/** @throws ServiceFailure `bad_request` */
async function checkedBy(schema: StandardSchemaV1, value: unknown, reason: 'data' | 'query'): Promise<unknown> {
  const result = await schema['~standard'].validate(value)
  if (result.issues) throw new ServiceFailure('bad_request', { reason, issues: issuesOf(result.issues) })
  return result.value
}
