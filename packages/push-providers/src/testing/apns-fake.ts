// Spec 21 A4–A6: APNs for tests, over TLS and HTTP/2, which checks what Apple checks and fails when told to.
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { ApnsOptions } from '../apns/provider.js'
import { apnsJwtJudge, newApnsKey } from './apns-jwt.js'
import { createTestIdentity } from './authority.js'

/** A push that has arrived, also one that is then refused. */
export interface ApnsPush {
  readonly token: string
  /** As it came: the token percent-encoded. */
  readonly path: string
  /** Without those of HTTP/2 itself. */
  readonly headers: Readonly<Record<string, string>>
  readonly pushType: string | undefined
  readonly priority: string | undefined
  /** The JSON. */
  readonly body: string
  readonly jwt: string
  /** Counts from 0 as connections come. */
  readonly connection: number
}

/**
 * `hang`: no answer. `stall`: does not even read the body, so that flow control stops the sender. `reset`: RST_STREAM. `refuse-stream`:
 * RST_STREAM which says that nothing was done. `drop`: the whole connection breaks. `half`: breaks within the answer.
 */
export type ApnsAnswer =
  | { readonly status: number; readonly reason?: string; readonly timestamp?: number; readonly retryAfter?: string }
  | 'accepted'
  | 'hang'
  | 'stall'
  | 'reset'
  | 'refuse-stream'
  | 'drop'
  | 'half'

export interface ApnsFakeOptions {
  /** `app.example` unless given. */
  readonly topic?: string
  /** 0, any free one, unless given. */
  readonly port?: number
  /** Of HTTP/2, for instance `maxConcurrentStreams`, `initialWindowSize`. */
  readonly settings?: Settings
  /** Milliseconds since 1970: what JWTs' ages are judged by. */
  readonly clock?: () => number
  /** To which each push is appended when it comes, as a line of JSON: `path`, `headers` and `body`, which is the text. */
  readonly logFile?: string
}

export interface ApnsFake extends AsyncDisposable {
  /** What `apnsProvider` needs to reach it. */
  readonly options: Pick<ApnsOptions, 'topic' | 'teamId' | 'keyId' | 'key' | 'host' | 'port' | 'ca'> & {
    readonly port: number
  }
  readonly pushes: readonly ApnsPush[]
  /** How many connections were made so far, and how many are open. */
  readonly connections: { readonly made: number; readonly open: number }
  /** What it answers from now on to pushes in which it finds no mistake; a function decides for each push, but not to `stall`. */
  answer(answer: ApnsAnswer | ((push: ApnsPush) => ApnsAnswer | Promise<ApnsAnswer>)): void
  /** GOAWAY on all connections: they take no request that is newer than those which were answered. `code` 0 is a graceful end. */
  goAway(code?: number): void
  /** GOAWAY on each connection after so many of its pushes; 0 for never. */
  goAwayEvery(pushes: number): void
  /** HTTP/2 settings of the connections that are open. */
  updateSettings(settings: Settings): void
  /** Breaks all connections. */
  dropConnections(): void
  /** Stops listening, breaks all connections; `resume` listens at the same port again. */
  refuse(): Promise<void>
  resume(): Promise<void>
  /** Makes a new key; the old one's JWTs are refused from now on. `options` are changed. */
  rotateKey(): void
  close(): Promise<void>
}

interface Connection {
  readonly number: number
  seen: number
  /** Newer streams are not looked at. */
  lastStreamId: number
  handled: number
}

const teamId = 'TEAM123456'
const maxBody = 4096

export async function startApnsFake(fakeOptions: ApnsFakeOptions = {}): Promise<ApnsFake> {
  const { topic = 'app.example', settings = {}, clock = Date.now, logFile } = fakeOptions
  const identity = createTestIdentity()
  const pushes: ApnsPush[] = []
  const connections = new Map<ServerHttp2Session, Connection>()
  let key = newApnsKey(0)
  let jwtMistake = apnsJwtJudge(teamId, key, clock)
  let keys = 0
  let made = 0
  let every = 0
  let port = fakeOptions.port ?? 0
  let always: ApnsAnswer | undefined
  let decide: (push: ApnsPush) => ApnsAnswer | Promise<ApnsAnswer> = () => 'accepted'

  let server = await listen()

  async function listen(): Promise<Http2SecureServer> {
    const listening = createSecureServer({ key: identity.key, cert: identity.cert, settings })
    listening.on('session', (session) => {
      connections.set(session, { number: made++, seen: 0, lastStreamId: Number.POSITIVE_INFINITY, handled: 0 })
      session.on('close', () => connections.delete(session))
      session.on('error', () => {})
    })
    listening.on('sessionError', () => {})
    listening.on('stream', (stream, headers) => {
      stream.on('error', () => {})
      void handle(stream, headers)
    })
    listening.listen(port, '127.0.0.1')
    await once(listening, 'listening')
    port = (listening.address() as AddressInfo).port
    return listening
  }

  async function handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const session = stream.session as ServerHttp2Session
    const connection = connections.get(session)
    const id = stream.id ?? 0
    // Its sender knows by the GOAWAY.
    if (!connection || id > connection.lastStreamId) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    if (every > 0 && ++connection.seen === every) {
      connection.lastStreamId = id
      endSession(session, constants.NGHTTP2_NO_ERROR, id)
    }
    const push = pushOf(headers, connection, always === 'stall' ? '' : await bodyOf(stream))
    if (id > connection.lastStreamId) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    connection.handled = Math.max(connection.handled, id)
    // What was set when a push is seen to arrive holds for it.
    const decideNow = decide
    pushes.push(push)
    if (logFile !== undefined) appendFileSync(logFile, logLine(push))
    respond(
      stream,
      session,
      always === 'stall' ? always : ((await findMistake(session, headers, push)) ?? (await decideNow(push))),
    )
  }

  async function findMistake(
    session: ServerHttp2Session,
    headers: IncomingHttpHeaders,
    push: ApnsPush,
  ): Promise<ApnsAnswer | undefined> {
    const bad = (status: number, reason: string) => ({ status, reason })
    if (headers[':method'] !== 'POST') return bad(405, 'MethodNotAllowed')
    if (!/^\/3\/device\/[^/?#]+$/.test(push.path)) return bad(404, 'BadPath')
    if (push.body.length === 0) return bad(400, 'PayloadEmpty')
    if (Buffer.byteLength(push.body) > maxBody) return bad(413, 'PayloadTooLarge')
    const refused = await jwtMistake(push.jwt, session)
    if (refused) return refused
    if (headers['apns-topic'] === undefined) return bad(400, 'MissingTopic')
    if (headers['apns-topic'] !== topic) return bad(400, 'DeviceTokenNotForTopic')
    const isBackground = isBackgroundBody(push.body)
    if (push.pushType !== (isBackground ? 'background' : 'alert')) return bad(400, 'InvalidPushType')
    if (isBackground && push.priority !== '5') return bad(400, 'BadPriority')
    return undefined
  }

  function goAway(code: number = constants.NGHTTP2_NO_ERROR): void {
    for (const [session, connection] of connections) {
      connection.lastStreamId = connection.handled
      endSession(session, code, connection.handled)
    }
  }

  const dropConnections = () => {
    for (const session of connections.keys()) session.destroy()
  }

  async function refuse() {
    const closed = new Promise((resolve) => server.close(resolve))
    dropConnections()
    await closed
  }

  const close = async () => {
    if (server.listening) await refuse()
  }

  return {
    get options() {
      const { ca } = identity
      return { topic, teamId, keyId: key.id, key: key.pem, host: 'localhost', port, ca }
    },
    pushes,
    get connections() {
      return { made, open: connections.size }
    },
    answer(answer) {
      always = typeof answer === 'function' ? undefined : answer
      decide = typeof answer === 'function' ? answer : () => answer
    },
    goAway,
    goAwayEvery(count) {
      every = count
    },
    updateSettings(changed) {
      for (const session of connections.keys()) session.settings(changed)
    },
    dropConnections,
    refuse,
    async resume() {
      server = await listen()
    },
    rotateKey() {
      key = newApnsKey(++keys)
      jwtMistake = apnsJwtJudge(teamId, key, clock)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function pushOf(headers: IncomingHttpHeaders, { number }: Connection, body: string): ApnsPush {
  const text = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined)
  const path = headers[':path'] ?? ''
  return {
    token: decoded(path.split('/').at(-1) ?? ''),
    path,
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => (name.startsWith(':') ? [] : [[name, String(value)]])),
    ),
    pushType: text('apns-push-type'),
    priority: text('apns-priority'),
    jwt: /^bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '',
    body,
    connection: number,
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

const logLine = ({ path, headers, body }: ApnsPush) => `${JSON.stringify({ path, headers, body })}\n`

async function bodyOf(stream: ServerHttp2Stream): Promise<string> {
  let body = ''
  stream.setEncoding('utf8')
  try {
    for await (const part of stream) body += part
  } catch {
    // The sender has given up.
  }
  return body
}

function isBackgroundBody(body: string): boolean {
  try {
    return JSON.parse(body)?.aps?.['content-available'] === 1
  } catch {
    return false
  }
}

function endSession(session: ServerHttp2Session, code: number, lastStreamId: number): void {
  session.goaway(code, lastStreamId)
  // When the streams have ended, so does the connection.
  session.close()
}

function respond(stream: ServerHttp2Stream, session: ServerHttp2Session, answer: ApnsAnswer): void {
  if (stream.destroyed || answer === 'hang' || answer === 'stall') return
  if (answer === 'accepted') stream.respond({ ':status': 200 }, { endStream: true })
  else if (answer === 'reset') stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  else if (answer === 'refuse-stream') stream.close(constants.NGHTTP2_REFUSED_STREAM)
  else if (answer === 'drop') session.destroy()
  else if (answer === 'half') {
    stream.respond({ ':status': 410 })
    stream.write('{"reason":"Unregist', () => session.destroy())
  } else {
    const { status, reason, timestamp, retryAfter } = answer
    stream.respond({ ':status': status, ...(retryAfter !== undefined && { 'retry-after': retryAfter }) })
    stream.end(reason === undefined ? '' : JSON.stringify({ reason, timestamp }))
  }
}
