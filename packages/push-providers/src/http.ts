// What came of one HTTP request to a push provider, and HTTPS/1.1 requests. Nothing is thrown, no redirect is followed.
import { STATUS_CODES } from 'node:http'
import type { Agent, RequestOptions } from 'node:https'
import { request } from 'node:https'
import type { Socket } from 'node:net'

/** The far end's answer. `body`: at most its first 16 KB, as text. */
export interface HttpReply {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: string
}

/**
 * Why there is no answer. `connect`: no connection could be made. `unsent`: the far end surely did not act on the request.
 * `lost`: the connection broke, so it may have. `timeout`, `aborted`: we did not wait any longer.
 */
export interface HttpFailure {
  readonly failed: 'connect' | 'unsent' | 'lost' | 'timeout' | 'aborted'
}

export type HttpResult = HttpReply | HttpFailure

/** Far more than an answer of a push provider has. */
export const maxReplyLength = 16_384

/** The word for a status in reasons. Strangers choose statuses, and reasons become labels: what is not registered has one word. */
export const statusReason = (status: number): string =>
  Object.hasOwn(STATUS_CODES, status) ? `http-${status}` : 'http-other'

export interface PostOptions {
  readonly signal: AbortSignal
  /** For everything from the connection to the end of the answer. */
  readonly timeoutMs: number
}

/** Connections that are set up. */
const secured = new WeakSet<Socket>()

/** `target`: host, port, path and `headers` as for `https.request`; its `agent` says which authorities are trusted. */
export function postHttps(
  target: RequestOptions & { readonly agent: Agent },
  body: string | Uint8Array,
  { signal, timeoutMs }: PostOptions,
): Promise<HttpResult> {
  if (signal.aborted) return Promise.resolve({ failed: 'aborted' })
  return new Promise((resolve) => {
    // Before, a request waits for those of ours that have all connections that the agent makes.
    let started = false
    let connected = false
    const sent = request({ ...target, method: 'POST' })
    const settle = (result: HttpResult) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      resolve(result)
      // An answer that was read to its end has left the socket to the agent.
      if ('failed' in result) sent.destroy()
    }
    const abort = () => settle({ failed: 'aborted' })
    const timer = setTimeout(() => settle({ failed: started && !connected ? 'connect' : 'timeout' }), timeoutMs)
    signal.addEventListener('abort', abort)
    sent.on('socket', (socket) => {
      started = true
      // It may have been handed over by another request, of which `reusedSocket` tells only at times.
      connected = secured.has(socket)
      if (connected) return
      socket.once('secureConnect', () => {
        secured.add(socket)
        connected = true
      })
    })
    const lose = () => settle({ failed: connected ? 'lost' : 'connect' })
    sent.on('error', lose)
    // Without an error where the far end wants to speak another protocol.
    sent.on('close', lose)
    sent.on('response', (response) => {
      // It may close before the end of an answer is seen.
      sent.off('close', lose)
      const parts: Buffer[] = []
      let length = 0
      const reply = () =>
        settle({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          body: Buffer.concat(parts).subarray(0, maxReplyLength).toString(),
        })
      response.on('data', (part: Buffer) => {
        parts.push(part)
        length += part.length
        if (length <= maxReplyLength) return
        // The rest is not worth a download, at whatever speed.
        reply()
        sent.destroy()
      })
      response.on('end', reply)
      response.on('error', () => settle({ failed: 'lost' }))
    })
    sent.end(body)
  })
}
