// Spec 21 B2: FCM and its token endpoint for tests, over TLS, which check what Google checks and fail when told to.
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { jwtVerify } from 'jose'
import type { FcmOptions, ServiceAccount } from '../fcm/provider.js'
import { createTestIdentity } from './authority.js'

/** A push that has arrived, also one that is then refused. */
export interface FcmPush {
  readonly token: string
  readonly data: Readonly<Record<string, unknown>>
  readonly android: Readonly<Record<string, unknown>>
  /** The access token that it came with. */
  readonly access: string
}

/** `field`: of a `fieldViolation`. */
export interface FcmFailure {
  readonly status: number
  readonly errorCode?: string
  readonly field?: string
  readonly retryAfter?: string
}

/** `hang`: no answer. `drop`: the connection breaks. `redirect`: to where a push would be accepted. `endless`: an answer without an end. */
export type FcmAnswer = FcmFailure | 'accepted' | 'hang' | 'drop' | 'redirect' | 'endless'

/** What the token endpoint does: `refused` as for a deleted account. */
export type GrantAnswer = 'granted' | 'refused' | 'away' | 'hang' | 'unfit'

export interface FcmFakeOptions {
  /** 0, any free one, unless given. */
  readonly port?: number
  /** Of the access tokens, in seconds: 3600 unless given. */
  readonly expiresIn?: number
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

export interface FcmFake extends AsyncDisposable {
  /** What `fcmProvider` needs to reach it. */
  readonly options: Required<Pick<FcmOptions, 'serviceAccount' | 'host' | 'port' | 'ca'>>
  readonly pushes: readonly FcmPush[]
  /** How many access tokens were asked for. */
  readonly grants: number
  /** What it answers from now on to pushes in which it finds no mistake; a function decides for each push. */
  answer(answer: FcmAnswer | ((push: FcmPush) => FcmAnswer | Promise<FcmAnswer>)): void
  answerGrants(answer: GrantAnswer): void
  /** All access tokens that were given out are refused from now on. */
  revoke(): void
  /** Stops listening, breaks all connections; `resume` listens at the same port again. */
  refuse(): Promise<void>
  resume(): Promise<void>
  close(): Promise<void>
}

const email = 'push@fake.example'
const projectId = 'fake-project'
const keyId = 'fake-key'
const maxData = 4096
/** Of all fakes of the process, as it takes long to make. */
let privateKey: KeyObject | undefined

export async function startFcmFake(fakeOptions: FcmFakeOptions = {}): Promise<FcmFake> {
  const { expiresIn = 3600, clock = Date.now } = fakeOptions
  const identity = createTestIdentity()
  privateKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const publicKey = createPublicKey(privateKey)
  const pushes: FcmPush[] = []
  const accessTokens = new Map<string, number>()
  let port = fakeOptions.port ?? 0
  let grants = 0
  let grant: GrantAnswer = 'granted'
  let decide: (push: FcmPush) => FcmAnswer | Promise<FcmAnswer> = () => 'accepted'

  let server = await listen()
  const tokenUri = `https://localhost:${port}/token`
  const serviceAccount: ServiceAccount = {
    client_email: email,
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    private_key_id: keyId,
    project_id: projectId,
    token_uri: tokenUri,
  }

  async function listen(): Promise<Server> {
    const listening = createServer({ key: identity.key, cert: identity.cert }, (request, response) => {
      response.on('error', () => {})
      void handle(request, response)
    })
    listening.listen(port, '127.0.0.1')
    await once(listening, 'listening')
    port = (listening.address() as AddressInfo).port
    return listening
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (request.method !== 'POST') return fail(response, { status: 405 })
    if (request.url === '/token') return handleGrant(body, response)
    if (request.url !== `/v1/projects/${projectId}/messages:send`) return fail(response, { status: 404 })
    const push = readPush(request, body)
    if (!push) return fail(response, { status: 400, errorCode: 'INVALID_ARGUMENT', field: 'message' })
    // What was set when a push is seen to arrive holds for it.
    const decideNow = decide
    pushes.push(push)
    const expires = accessTokens.get(push.access)
    if (expires === undefined || clock() >= expires) return fail(response, { status: 401 })
    const answer = findMistake(push) ?? (await decideNow(push))
    if (answer === 'hang') return
    if (answer === 'drop') request.socket.destroy()
    else if (answer === 'redirect') response.writeHead(307, { location: request.url }).end()
    else if (answer === 'endless') writeEndlessly(response)
    else if (answer === 'accepted') sendJson(response, 200, { name: `projects/${projectId}/messages/${pushes.length}` })
    else fail(response, answer)
  }

  async function handleGrant(body: string, response: ServerResponse): Promise<void> {
    grants++
    if (grant === 'hang') return
    if (grant === 'away') return sendJson(response, 503, {})
    if (grant === 'unfit') return sendJson(response, 200, { token: 'of another name' })
    const isGood = grant === 'granted' && (await isAssertion(new URLSearchParams(body), publicKey, tokenUri, clock()))
    if (!isGood) return sendJson(response, 400, { error: 'invalid_grant' })
    const token = randomBytes(24).toString('base64url')
    accessTokens.set(token, clock() + expiresIn * 1000)
    sendJson(response, 200, { access_token: token, expires_in: expiresIn, token_type: 'Bearer' })
  }

  async function refuse() {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }

  const close = async () => {
    if (server.listening) await refuse()
  }

  return {
    get options() {
      return { serviceAccount, host: 'localhost', port, ca: identity.ca }
    },
    pushes,
    get grants() {
      return grants
    },
    answer(answer) {
      decide = typeof answer === 'function' ? answer : () => answer
    },
    answerGrants(answer) {
      grant = answer
    },
    revoke() {
      accessTokens.clear()
    },
    refuse,
    async resume() {
      server = await listen()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function isAssertion(form: URLSearchParams, key: KeyObject, audience: string, now: number): Promise<boolean> {
  if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') return false
  try {
    const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', key, {
      algorithms: ['RS256'],
      issuer: email,
      audience,
      currentDate: new Date(now),
    })
    const { iat = 0, exp = Number.POSITIVE_INFINITY, scope } = payload
    const isFit = scope === 'https://www.googleapis.com/auth/firebase.messaging' && protectedHeader.kid === keyId
    return isFit && exp - iat <= 3600 && Math.abs(now / 1000 - iat) < 600
  } catch {
    return false
  }
}

function readPush(request: IncomingMessage, body: string): FcmPush | undefined {
  try {
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return undefined
    const { message, ...others } = JSON.parse(body)
    const { token, data, android, ...unknown } = message
    // Google refuses what it does not know.
    if (typeof token !== 'string' || token === '' || Object.keys({ ...others, ...unknown }).length > 0) return undefined
    const access = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    return { token, data: { ...data }, android: { ...android }, access }
  } catch {
    return undefined
  }
}

function findMistake({ data, android }: FcmPush): FcmFailure | undefined {
  const bad = (field: string) => ({ status: 400, errorCode: 'INVALID_ARGUMENT', field })
  const entries = Object.entries(data)
  if (entries.some(([, value]) => typeof value !== 'string')) return bad('message.data')
  if (entries.some(([name]) => /^(from|message_type|google\..*|gcm\..*)$/.test(name))) return bad('message.data')
  if (entries.reduce((sum, [name, value]) => sum + name.length + String(value).length, 0) > maxData) {
    return bad('message.data')
  }
  if (android.priority !== 'HIGH' && android.priority !== 'NORMAL') return bad('message.android.priority')
  if (!/^\d+s$/.test(String(android.ttl)) || Number.parseInt(String(android.ttl), 10) > 2_419_200) {
    return bad('message.android.ttl')
  }
  return undefined
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  try {
    for await (const part of request.setEncoding('utf8')) body += part
  } catch {
    // The sender has given up.
  }
  return body
}

function sendJson(response: ServerResponse, status: number, json: object, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers })
    .end(JSON.stringify(json))
}

function fail(response: ServerResponse, { status, errorCode, field, retryAfter }: FcmFailure): void {
  const type = 'type.googleapis.com'
  const details = [
    ...(errorCode === undefined ? [] : [{ '@type': `${type}/google.firebase.fcm.v1.FcmError`, errorCode }]),
    ...(field === undefined
      ? []
      : [{ '@type': `${type}/google.rpc.BadRequest`, fieldViolations: [{ field, description: 'Invalid' }] }]),
  ]
  const error = { code: status, message: 'as told', status: 'FAILED', details }
  sendJson(response, status, { error }, retryAfter === undefined ? {} : { 'retry-after': retryAfter })
}

function writeEndlessly(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(1000)));
  }
  response.writeHead(200).on('drain', more)
  more()
}
