// Spec 21 B2, 30 §6: pushes through Firebase Cloud Messaging, HTTP v1.
import { Agent } from 'node:https'
import { DeviceTokenError, ProviderConfigError } from '../errors.js'
import { checkFarEnd } from '../far-end.js'
import { postHttps } from '../http.js'
import { readSigningKey } from '../jwt.js'
import type { Push, PushOutcome, PushProvider } from '../provider.js'
import { accessToken } from './access-token.js'
import { pauseMs, readFcmAnswer } from './answer.js'
import { fcmBody } from './body.js'

/** The members that are used of the JSON file that Google gives out for a service account. */
export interface ServiceAccount {
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id?: string
  readonly project_id: string
  /** An https URL. */
  readonly token_uri: string
}

export interface FcmOptions {
  readonly serviceAccount: ServiceAccount
  /** `fcm.googleapis.com` unless given. */
  readonly host?: string
  /** 443 unless given. */
  readonly port?: number
  /** Certificates in PEM to trust instead of the system's, for FCM and for the token. */
  readonly ca?: string | readonly string[]
  /** How many pushes may be in flight, each on a connection of its own that is used again: 50 unless given. */
  readonly maxConcurrent?: number
  /** For one request, in milliseconds: 20 s unless given. */
  readonly timeoutMs?: number
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

const maxTokenLength = 1024

/**
 * Connects at the first push. Reasons of `gone`: `BAD`, `TOPIC`, `UNREGISTERED`. `retry` with `all`: no connection, no access token, or
 * it was refused.
 * @throws ProviderConfigError for a service account, a host, a port or an authority that cannot be used
 */
export function fcmProvider(options: FcmOptions): PushProvider {
  const { host = 'fcm.googleapis.com', port = 443, ca, maxConcurrent = 50, timeoutMs = 20_000 } = options
  const { clock = Date.now, serviceAccount } = options
  checkFarEnd({ host, port, ca })
  const { email, key, keyId, projectId, tokenUri } = readServiceAccount(serviceAccount)
  const path = `/v1/projects/${projectId}/messages:send`
  const agentOptions = { keepAlive: true, timeout: 60_000, ...(ca !== undefined && { ca: ca as string | string[] }) }
  const agent = new Agent({ ...agentOptions, maxSockets: maxConcurrent })
  // A connection of its own: pushes do not delay the token that they wait for.
  const tokenAgent = new Agent(agentOptions)
  const access = accessToken({ agent: tokenAgent, email, key, keyId, tokenUri, timeoutMs, clock })
  const inFlight = new Set<AbortController>()
  let closed = false

  function retry(reason: string, more: { readonly afterMs?: number; readonly all?: true } = {}): PushOutcome {
    return { outcome: 'retry', afterMs: 0, reason: closed ? 'closed' : reason, ...more }
  }

  async function attempt(push: Push, token: string, signal: AbortSignal) {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = fcmBody(push.kind, push.token, push.notificationData)
    const reply = await postHttps({ agent, host, port, path, headers }, body, { signal, timeoutMs })
    if (!('failed' in reply)) return readFcmAnswer(reply, clock())
    return retry(reply.failed, reply.failed === 'connect' ? { all: true } : {})
  }

  async function sendUntil(push: Push, signal: AbortSignal): Promise<PushOutcome> {
    for (let renewed = false; ; renewed = true) {
      const granted = await access.get(signal)
      if ('failed' in granted) {
        const { failed } = granted
        if (failed === 'aborted') return retry(failed)
        const afterMs = failed === 'refused' || failed === 'unfit' ? pauseMs : 0
        return retry(`token-${failed}`, { afterMs, all: true })
      }
      const outcome = await attempt(push, granted.token, signal)
      if (outcome.outcome !== 'renew') return outcome
      access.forget(granted.token)
      if (renewed) return retry(outcome.reason, { afterMs: pauseMs, all: true })
    }
  }

  async function send(push: Push, { signal }: { readonly signal: AbortSignal }): Promise<PushOutcome> {
    if (signal.aborted || closed) return retry('aborted')
    const flight = new AbortController()
    const abort = () => flight.abort()
    inFlight.add(flight)
    signal.addEventListener('abort', abort)
    try {
      return await sendUntil(push, flight.signal)
    } finally {
      signal.removeEventListener('abort', abort)
      inFlight.delete(flight)
    }
  }

  async function close() {
    closed = true
    for (const flight of inFlight) flight.abort()
    access.close()
    agent.destroy()
    tokenAgent.destroy()
  }

  return {
    name: 'fcm',
    about: { projectId },
    maxConcurrent,
    readToken,
    send,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function readToken(token: unknown): string {
  if (typeof token === 'string' && token.length <= maxTokenLength && /^[!-~]+$/.test(token)) return token
  throw new DeviceTokenError(`expected 1 to ${maxTokenLength} visible ASCII characters`)
}

function readServiceAccount(account: ServiceAccount) {
  const text = (name: keyof ServiceAccount) => {
    const value = account[name]
    if (typeof value === 'string' && value !== '') return value
    throw new ProviderConfigError(`expected a text as ${name} of the service account`)
  }
  const projectId = text('project_id')
  if (!/^[\w.:-]+$/.test(projectId)) throw new ProviderConfigError('expected a project id as project_id')
  const uri = text('token_uri')
  if (!URL.canParse(uri) || new URL(uri).protocol !== 'https:') {
    throw new ProviderConfigError('expected an https URL as token_uri of the service account')
  }
  return {
    email: text('client_email'),
    key: readSigningKey(text('private_key'), 'RS256'),
    keyId: account.private_key_id,
    projectId,
    tokenUri: new URL(uri),
  }
}
