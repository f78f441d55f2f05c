// Spec 21 B3, 30 §6: what providers have in common that push to URLs which clients choose.
import { DeviceTokenError, PayloadError } from './errors.js'
import { type GuardedResult, type GuardOptions, guardedHttps } from './guarded-https.js'
import { statusReason } from './http.js'
import type { Push, PushOutcome, PushProvider } from './provider.js'
import { retryAfterMs } from './retry-after.js'

export interface EndpointProviderOptions extends GuardOptions {
  /** Milliseconds for one push, from the connection to the end of the answer. 15 000 unless given. */
  readonly timeout?: number
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

export interface EndpointRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** What distinguishes one such provider from another. */
export interface EndpointKind<Token extends { readonly url: URL }> {
  readonly name: string
  /** @throws DeviceTokenError */
  read(token: unknown): Token
  /** The canonical text, which `read` takes too. */
  write(token: Token): string
  /** @throws PayloadError `LARGE` */
  request(token: Token, push: Push): Promise<EndpointRequest>
  /** What statuses below 500 mean that are no success; all that are not listed refuse the push. The text is the reason of `gone`. */
  readonly answers: Readonly<Record<number, 'busy' | { readonly gone: string }>>
}

/** Pushes wait for answers of anybody's servers, most of the time; each takes a socket of ours. */
const maxConcurrent = 256

export function endpointProvider<Token extends { readonly url: URL }>(
  kind: EndpointKind<Token>,
  options: EndpointProviderOptions,
): PushProvider {
  const { timeout = 15_000, clock = Date.now } = options
  const https = guardedHttps(options)
  const inFlight = new Set<() => void>()
  let closed = false

  async function send(push: Push, { signal }: { readonly signal: AbortSignal }): Promise<PushOutcome> {
    const pushing = new AbortController()
    const abort = () => pushing.abort()
    signal.addEventListener('abort', abort)
    inFlight.add(abort)
    try {
      const { url, ...message } = await kind.request(kind.read(push.token), push)
      if (closed || signal.aborted) return outcomeOf({ failed: 'aborted' })
      return outcomeOf(await https.post(url, message, { signal: pushing.signal, timeoutMs: timeout }))
    } catch (error) {
      if (error instanceof DeviceTokenError) return { outcome: 'refused', reason: 'token' }
      if (error instanceof PayloadError) return { outcome: 'refused', reason: 'too-large' }
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
      inFlight.delete(abort)
    }
  }

  function outcomeOf(result: GuardedResult): PushOutcome {
    if ('failed' in result) {
      const { failed } = result
      if (failed === 'address') return { outcome: 'refused', reason: failed }
      if (closed) return { outcome: 'retry', afterMs: 0, reason: 'closed' }
      return { outcome: 'retry', afterMs: 0, reason: failed, ...(failed === 'connect' && { all: true }) }
    }
    const { status, retryAfter } = result
    if (status >= 200 && status < 300) return { outcome: 'accepted' }
    const reason = statusReason(status)
    const answer = status >= 500 ? 'busy' : kind.answers[status]
    if (answer === undefined) return { outcome: 'refused', reason }
    if (answer === 'busy') return { outcome: 'retry', afterMs: retryAfterMs(retryAfter, clock()), reason }
    return { outcome: 'gone', reason: answer.gone }
  }

  async function close() {
    closed = true
    for (const abort of inFlight) abort()
    https.close()
  }

  return {
    name: kind.name,
    maxConcurrent,
    readToken: (token) => kind.write(kind.read(token)),
    destinationOf: (token) => kind.read(token).url.origin,
    send,
    close,
    [Symbol.asyncDispose]: close,
  }
}
