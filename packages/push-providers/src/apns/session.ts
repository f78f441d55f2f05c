// Spec 21 A4: one HTTP/2 connection to APNs.
import { connect, constants } from 'node:http2'
import { isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type HttpFailure, type HttpResult, maxReplyLength, type PostOptions } from '../http.js'

export interface SessionOptions {
  readonly host: string
  readonly port: number
  /** Authorities in PEM that are trusted instead of the system's. */
  readonly ca?: string | readonly string[]
  /** Until TLS and HTTP/2 are set up. */
  readonly connectMs: number
  /** Between two questions whether the far end is still there; unanswered until the next one, the connection is given up. */
  readonly pingMs: number
  /** A connection without pushes is closed after this. */
  readonly idleMs: number
}

export interface Session {
  /** How many requests it can take at once: 0 as soon as it takes no more. */
  readonly limit: number
  readonly inFlight: number
  /** Never rejects. `unsent` if the far end surely did not act on it. */
  post(headers: Readonly<Record<string, string>>, body: string, options: PostOptions): Promise<HttpResult>
  /** Ends what is in flight, as `lost`. */
  destroy(): void
}

/** More streams share one connection's flow control than is good for them. */
const maxStreams = 500

/**
 * Settles with a session that is ready for requests, or with undefined. `onChange` is called whenever a request may have become
 * possible, and when the session has ended.
 */
export function openSession(
  { host, port, ca, connectMs, pingMs, idleMs }: SessionOptions,
  onChange: () => void,
  signal: AbortSignal,
): Promise<Session | undefined> {
  const authority = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const socket = connectTls({
    host,
    port,
    ALPNProtocols: ['h2'],
    ...(ca !== undefined && { ca: ca as string | string[] }),
    ...(isIP(host) === 0 && { servername: host }),
  })
  const http2 = connect(authority, { createConnection: () => socket, settings: { enablePush: false } })
  let usable = true
  let inFlight = 0
  let lastStreamId = Number.POSITIVE_INFINITY
  let lastReply = 0
  let lastUse = performance.now()

  /** At once: after a GOAWAY, HTTP/2 alone would wait for the far end to close the socket, too. */
  function destroy(): void {
    http2.destroy()
    socket.destroy()
  }

  /** Takes no more requests, ends when those in flight have. */
  function retire(): void {
    usable = false
    if (inFlight === 0) destroy()
    onChange()
  }

  const session: Session = {
    get limit() {
      if (!usable || http2.closed || http2.destroyed) return 0
      return Math.min(http2.remoteSettings?.maxConcurrentStreams ?? 0, maxStreams)
    },
    get inFlight() {
      return inFlight
    },
    post,
    destroy,
  }

  function post(
    headers: Readonly<Record<string, string>>,
    body: string,
    { signal, timeoutMs }: PostOptions,
  ): Promise<HttpResult> {
    let stream: ReturnType<typeof http2.request>
    try {
      stream = http2.request(headers)
    } catch {
      return Promise.resolve({ failed: 'unsent' })
    }
    inFlight++
    const started = performance.now()
    lastUse = started
    return new Promise((resolve) => {
      let status = 0
      let retryAfter: string | undefined
      let text = ''
      let whole = false
      const settle = (failed: HttpFailure['failed']) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        const isWhole = whole && stream.rstCode === constants.NGHTTP2_NO_ERROR
        if (status === 200 || (status > 0 && isWhole)) resolve({ status, retryAfter, body: text })
        else if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (stream.id ?? Infinity) > lastStreamId) {
          resolve({ failed: 'unsent' })
        } else resolve({ failed })
      }
      const giveUp = (why: 'timeout' | 'aborted') => {
        // Now, as a stream whose far end does not read is closed only with its connection; it keeps its place until then.
        settle(why)
        stream.close(constants.NGHTTP2_CANCEL)
        // A far end that has answered nothing meanwhile may not even read: what comes next takes a fresh connection.
        if (why === 'timeout' && lastReply < started) retire()
      }
      const abort = () => giveUp('aborted')
      const timer = setTimeout(() => giveUp('timeout'), timeoutMs)
      signal.addEventListener('abort', abort)
      stream.setEncoding('utf8')
      stream.on('response', (received) => {
        status = received[':status'] ?? 0
        retryAfter = received['retry-after']
        lastReply = performance.now()
      })
      stream.on('data', (part: string) => {
        if (text.length < maxReplyLength) text += part.slice(0, maxReplyLength - text.length)
      })
      stream.on('end', () => {
        whole = true
      })
      // What it was shows when the stream is closed.
      stream.on('error', () => {})
      stream.on('close', () => {
        inFlight--
        lastUse = performance.now()
        settle('lost')
        if (!usable) retire()
        else onChange()
      })
      stream.end(body)
    })
  }

  return new Promise((resolve) => {
    const giveUp = setTimeout(destroy, connectMs)
    signal.addEventListener('abort', destroy)
    if (signal.aborted) destroy()
    let pinged = false
    const watch = setInterval(() => {
      if (http2.destroyed) return
      if (inFlight === 0 && performance.now() - lastUse >= idleMs) return retire()
      if (pinged) return destroy()
      pinged = true
      http2.ping(() => {
        pinged = false
      })
    }, pingMs).unref()
    http2.on('remoteSettings', () => {
      clearTimeout(giveUp)
      resolve(session)
      onChange()
    })
    http2.on('goaway', (_, id) => {
      lastStreamId = id ?? lastStreamId
      retire()
    })
    http2.on('error', () => {})
    http2.on('close', () => {
      clearTimeout(giveUp)
      clearInterval(watch)
      signal.removeEventListener('abort', destroy)
      usable = false
      resolve(undefined)
      onChange()
    })
  })
}
