// Spec 30 §3, §4: the requester's side: one answer for each request, or an error that says why not.
import { type Clock as ClientClock, onAbort, systemClock } from '@smpkit/encoding/internal'
import { type FailureData, isSuccess } from './answer.js'
import type { MessageSender } from './channel.js'
import type {
  AnswerOutput,
  DataInput,
  MethodDefinition,
  MethodOf,
  ParamsOption,
  PatternOf,
  QueryInput,
  ServiceDefinition,
} from './definition.js'
import { ServiceClientError, ServiceStatusError } from './errors.js'
import { maxServiceMessage, readMessage, type ServiceResponse, type Syntax } from './read-message.js'
import { fillResource } from './resource.js'
import { encodeRequest, newId } from './write-message.js'

/** Time as the client sees it; tests give their own. */
export type Clock = Pick<ClientClock, 'schedule'>

export interface ClientOptions {
  /** Milliseconds that a request waits for its answer. Default: 60,000. */
  readonly timeout?: number
  readonly syntax?: Syntax
  readonly clock?: Clock
  /** Of a request, in bytes; `maxServiceMessagePq` where the connection has post-quantum keys. */
  readonly maxLength?: number
}

export interface RequestCallOptions<M> {
  readonly signal?: AbortSignal
  /** Milliseconds; the client's by default. */
  readonly timeout?: number
  /** That of a request that is repeated; random by default. */
  readonly id?: string
  readonly query?: QueryInput<M>
}

type CallOptions<P extends string, M> = RequestCallOptions<M> & ParamsOption<P>

/** `data` where the method has some, `options` where the pattern has parameters; otherwise both may be left out. */
export type RequestArguments<P extends string, M> =
  Record<never, never> extends ParamsOption<P>
    ? undefined extends DataInput<M>
      ? [data?: DataInput<M>, options?: CallOptions<P, M>]
      : [data: DataInput<M>, options?: CallOptions<P, M>]
    : [data: DataInput<M>, options: CallOptions<P, M>]

export interface ServiceClient<D extends ServiceDefinition> {
  /**
   * Resolves with the successful answer, checked by the definition. `resource` is the pattern, `params` are its parameters:
   * `request('get', '/ntf/tokens/:id', undefined, { params: { id } })`.
   * @throws ServiceStatusError the service answered with a failure
   * @throws ServiceClientError `TIMEOUT`, `TOO_LARGE`, `CLOSED`, `ABORTED`, `ANSWER`, `INVALID`
   */
  request<P extends PatternOf<D>, M extends MethodOf<D, P>>(
    method: M,
    resource: P,
    ...rest: RequestArguments<P, D[P][M]>
  ): Promise<AnswerOutput<D[P][M]>>
  /** Give it all that comes over the connection: whether it was the answer to a request that waits. Never throws. */
  receive(bytes: Uint8Array): boolean
  /** Ends what waits, and refuses further requests, with `CLOSED`. */
  close(): void
}

interface Waiting {
  resolve(response: ServiceResponse): void
  reject(error: ServiceClientError): void
}

/** One for each connection to a service. */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  channel: MessageSender,
  { timeout = 60_000, syntax, clock = systemClock, maxLength = maxServiceMessage }: ClientOptions = {},
): ServiceClient<D> {
  const waiting = new Map<string, Waiting>()
  let isClosed = false

  async function request(
    method: string,
    resource: `/${string}`,
    data?: unknown,
    options: RequestCallOptions<unknown> & { readonly params?: Readonly<Record<string, string>> } = {},
  ): Promise<unknown> {
    const id = options.id ?? newId()
    if (isClosed) throw closed()
    if (waiting.has(id)) throw new ServiceClientError('INVALID', 'expected an id of which no request waits')
    const target = { resource: filled(resource, options.params ?? {}), query: texts(options.query ?? {}) }
    const bytes = encodeRequest({ id, method, ...target, data }, { ...(syntax && { syntax }), maxLength })
    const response = await exchange(id, bytes, options.timeout ?? timeout, options.signal)
    const answers = (definition[resource] as Readonly<Record<string, MethodDefinition>>)[method]?.answers ?? {}
    return checkedAnswer(answers, response)
  }

  function exchange(
    id: string,
    bytes: Uint8Array,
    milliseconds: number,
    signal?: AbortSignal,
  ): Promise<ServiceResponse> {
    return new Promise((resolve, reject) => {
      const aborted = () => new ServiceClientError('ABORTED', 'aborted by the caller', { cause: signal?.reason })
      if (signal?.aborted) return reject(aborted())
      const ending = new AbortController()
      const end = () => {
        // A repeat may wait under the same id by now.
        if (waiting.get(id) === one) waiting.delete(id)
        stopClock()
        stopListening()
      }
      const one: Waiting = {
        resolve(response) {
          end()
          resolve(response)
        },
        reject(error) {
          end()
          reject(error)
          // What was not handed over yet is of no use any more.
          ending.abort(error)
        },
      }
      const stopClock = clock.schedule(() => {
        one.reject(new ServiceClientError('TIMEOUT', `expected an answer within ${milliseconds} ms, got none`))
      }, milliseconds)
      const stopListening = onAbort(signal, () => one.reject(aborted()))
      waiting.set(id, one)
      const send = async () => channel.send(bytes, { signal: ending.signal })
      send().catch((cause) => {
        one.reject(new ServiceClientError('CLOSED', 'the request could not be sent', { cause }))
      })
    })
  }

  return {
    request: request as ServiceClient<D>['request'],
    receive(bytes) {
      if (waiting.size === 0) return false
      const incoming = readMessage(bytes)
      if (incoming.kind !== 'response' || incoming.ref === null) return false
      const one = waiting.get(incoming.ref)
      one?.resolve(incoming)
      return one !== undefined
    },
    close() {
      isClosed = true
      for (const one of [...waiting.values()]) one.reject(closed())
    },
  }
}

const closed = () => new ServiceClientError('CLOSED', 'the client was closed')

function filled(pattern: string, params: Readonly<Record<string, string>>): string {
  try {
    return fillResource(pattern, params)
  } catch {
    throw new ServiceClientError('INVALID', 'expected parameters of whole characters')
  }
}

/** The query's values as they are written. */
function texts(query: object): Record<string, string> {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}

async function checkedAnswer(answers: MethodDefinition['answers'], response: ServiceResponse): Promise<unknown> {
  const { status, data, broken } = response
  if (!isSuccess(status)) throw new ServiceStatusError(status, failureDataOf(data))
  const schema = answers[status]
  if (schema === undefined || broken) {
    throw new ServiceClientError(
      'ANSWER',
      `expected an answer of the definition, got ${broken ? 'broken data' : status}`,
    )
  }
  if (schema === null) return { status }
  const result = await schema['~standard'].validate(data)
  if (!result.issues) return { status, data: result.value }
  throw new ServiceClientError('ANSWER', `the data of ${status} is not what the definition says`)
}

/** Every failure has a reason, whoever wrote it. */
function failureDataOf(data: unknown): FailureData {
  const fields = typeof data === 'object' && data !== null && !Array.isArray(data) ? data : {}
  const reason = 'reason' in fields && typeof fields.reason === 'string' ? fields.reason : 'unknown'
  return { ...fields, reason }
}
