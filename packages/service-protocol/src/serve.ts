// Spec 30 §3: answers what comes over one channel, each request once however often it is repeated.
import { equalBytes } from '@smpkit/encoding'
import { onAbort } from '@smpkit/encoding/internal'
import { type Answer, failure, isTemporary } from './answer.js'
import { type AnswerStore, memoryAnswers } from './answers.js'
import type { MessageChannel, ReceivedMessage } from './channel.js'
import { readMessage, type ServiceRequest } from './read-message.js'
import type { Router } from './router.js'
import { encodeResponse, newId, type ResponseOptions, requestContent } from './write-message.js'

export interface ServeOptions<Context> extends Pick<ResponseOptions, 'style' | 'maxLength'> {
  /** Whoever is on the other end, as handlers get it. */
  readonly context: Context
  /** Of this connection; in memory by default. */
  readonly answers?: AnswerStore
  /** Gets what is no request: answers to requests of ours, chat messages. It acknowledges them. Without it they are acknowledged and dropped. */
  readonly onOther?: (message: ReceivedMessage) => void | Promise<void>
  /** An answer could not be stored, written, sent or acknowledged, or `onOther` failed. The channel goes on. */
  readonly onError?: (error: unknown) => void
  /** Requests handled at the same time; further messages are not read until one is done. Default: 16. */
  readonly concurrency?: number
  /** Ends it: no more is read, handlers get the signal. */
  readonly signal?: AbortSignal
}

/**
 * Settles when the channel has ended or `signal` aborted, and all that was read is answered. A message is acknowledged after its
 * answer was sent: if that fails, it may come again and finds its answer.
 */
export async function serve<Context>(
  channel: MessageChannel,
  router: Router<Context>,
  {
    context,
    answers = memoryAnswers(),
    onOther,
    onError,
    concurrency = 16,
    signal,
    ...response
  }: ServeOptions<Context>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const dispatch = (request: ServiceRequest) => router.dispatch(request, context, { signal })
  const once = answerOnce(dispatch, answers)

  async function handle(message: ReceivedMessage): Promise<void> {
    const incoming = readMessage(message.bytes)
    if (incoming.kind !== 'request') return onOther ? onOther(message) : message.ack?.()
    const request = { ...incoming, id: incoming.id ?? message.id ?? null }
    const { syntax, version, id: ref } = request
    await channel.send(written(await once(request), ref, { syntax, version, ...response }), { signal })
    await message.ack?.()
  }

  function written(answer: Answer, ref: string | null, options: ResponseOptions): Uint8Array {
    try {
      return encodeResponse({ ...answer, ref }, options)
    } catch (error) {
      onError?.(error)
      return encodeResponse({ ...failure('error', { reason: 'error', id: newId() }), ref }, options)
    }
  }

  for await (const message of until(channel, signal)) {
    const one: Promise<void> = handle(message)
      .catch((error) => onError?.(error))
      .finally(() => running.delete(one))
    running.add(one)
    if (running.size >= concurrency) await Promise.race(running)
  }
  await Promise.all(running)
}

/** The stored answer of a request, or that of its first occurrence that is still running. */
function answerOnce(dispatch: (request: ServiceRequest) => Promise<Answer>, answers: AnswerStore) {
  const running = new Map<string, { readonly content: Uint8Array; readonly answer: Promise<Answer> }>()

  async function find(id: string, content: Uint8Array, request: ServiceRequest): Promise<Answer> {
    const stored = await answers.get(id)
    if (stored) return equalBytes(stored.content, content) ? stored.answer : idReused()
    const answer = await dispatch(request)
    if (!isTemporary(answer.status)) await answers.put(id, { content, answer })
    return answer
  }

  return async (request: ServiceRequest): Promise<Answer> => {
    const { id, problem } = request
    if (id === null || problem) return dispatch(request)
    const content = requestContent(request)
    const first = running.get(id)
    if (first) return equalBytes(first.content, content) ? first.answer : idReused()
    const answer = find(id, content, request).finally(() => running.delete(id))
    running.set(id, { content, answer })
    return answer
  }
}

const idReused = () => failure('conflict', { reason: 'id_reused' })

/** What comes until the signal aborts; then the iteration is ended without waiting for more. */
async function* until<T>(items: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T, undefined> {
  if (signal?.aborted) return undefined
  const iterator = items[Symbol.asyncIterator]()
  let stop = () => {}
  const stopped = new Promise<{ done: true; value: undefined }>((resolve) => {
    stop = () => resolve({ done: true, value: undefined })
  })
  const stopListening = onAbort(signal, stop)
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), stopped])
      if (next.done) return undefined
      yield next.value
    }
  } finally {
    stopListening()
    // One that waits for its next item ends only with it.
    iterator.return?.()?.catch(() => {})
  }
}
