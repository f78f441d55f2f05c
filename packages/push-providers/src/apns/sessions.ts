// Spec 24 §3 W2, W5, W21: as many HTTP/2 connections as the pushes need; one that fails is replaced when the next push comes.
import type { HttpResult, PostOptions } from '../http.js'
import { openSession, type Session, type SessionOptions } from './session.js'

export interface Sessions {
  /** How many requests may be in flight at once. */
  readonly maxConcurrent: number
  /** Never rejects. A request that surely did not reach the far end is sent once more, on another connection. */
  post(headers: Readonly<Record<string, string>>, body: string, options: PostOptions): Promise<HttpResult>
  /** Ends all requests and settles. */
  close(): void
}

interface Waiting {
  readonly settle: (session: Session | 'connect' | 'timeout' | 'aborted') => void
}

/** What is assumed of the far end until it tells. */
const assumedStreams = 100

/** `maxSessions`: the most connections at once. */
export function sessionPool(options: SessionOptions, maxSessions: number): Sessions {
  const sessions = new Set<Session>()
  const waiting = new Set<Waiting>()
  const end = new AbortController()
  let connecting = false
  let streams = assumedStreams

  /** Gives the free places to those who wait, and connects if there are more of them. */
  function assign(): void {
    for (const session of sessions) {
      if (session.limit > 0) streams = session.limit
      else if (session.inFlight === 0) {
        sessions.delete(session)
        session.destroy()
      }
    }
    for (const one of waiting) {
      const session = free()
      if (!session) break
      // Its request starts, and is counted, before the next turn of the loop.
      one.settle(session)
    }
    if (waiting.size > 0 && !connecting && open().length < maxSessions) void connect()
  }

  function free(): Session | undefined {
    for (const session of sessions) if (session.inFlight < session.limit) return session
    return undefined
  }

  const open = () => [...sessions].filter(({ limit }) => limit > 0)

  async function connect(): Promise<void> {
    connecting = true
    const session = await openSession(options, () => assign(), end.signal)
    connecting = false
    if (session && session.limit > 0) {
      sessions.add(session)
      assign()
      return
    }
    session?.destroy()
    if (open().length === 0) {
      for (const one of waiting) one.settle('connect')
    }
  }

  function place(
    { signal, timeoutMs }: PostOptions,
    use: (session: Session) => Promise<HttpResult>,
  ): Promise<HttpResult> {
    const session = waiting.size === 0 && !signal.aborted ? free() : undefined
    if (session) return use(session)
    return new Promise((resolve) => {
      const abort = () => one.settle('aborted')
      const timer = setTimeout(() => one.settle('timeout'), timeoutMs)
      const one: Waiting = {
        settle(session) {
          waiting.delete(one)
          clearTimeout(timer)
          signal.removeEventListener('abort', abort)
          resolve(typeof session === 'string' ? { failed: session } : use(session))
        },
      }
      waiting.add(one)
      signal.addEventListener('abort', abort)
      if (signal.aborted || end.signal.aborted) abort()
      else assign()
    })
  }

  return {
    get maxConcurrent() {
      return streams * maxSessions
    },
    async post(headers, body, options) {
      const send = (session: Session) => session.post(headers, body, options)
      const result = await place(options, send)
      return 'failed' in result && result.failed === 'unsent' ? place(options, send) : result
    },
    close() {
      end.abort()
      for (const one of waiting) one.settle('aborted')
      for (const session of sessions) session.destroy()
    },
  }
}
