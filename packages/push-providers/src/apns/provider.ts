// Spec 21 A4–A6, 30 §6: pushes to Apple's devices.
import { ProviderConfigError } from '../errors.js'
import { checkFarEnd } from '../far-end.js'
import type { HttpFailure } from '../http.js'
import { readSigningKey } from '../jwt.js'
import type { Push, PushOutcome, PushProvider } from '../provider.js'
import { readApnsAnswer } from './answer.js'
import { apnsBody, apnsHeaders } from './body.js'
import { providerToken } from './provider-token.js'
import type { SessionOptions } from './session.js'
import { sessionPool } from './sessions.js'
import { readApnsToken, readTestToken } from './token.js'

export interface ApnsOptions {
  readonly name: 'apns_prod' | 'apns_dev' | 'apns_test'
  /** The app's bundle id. */
  readonly topic: string
  /** 10 characters, as the id of the key. */
  readonly teamId: string
  readonly keyId: string
  /** The `.p8` file's text: a private key on P-256 in PKCS#8 PEM. */
  readonly key: string
  /** Apple's, unless given: `api.push.apple.com`, for `apns_dev` `api.sandbox.push.apple.com`; `apns_test` must name its own. */
  readonly host?: string
  /** 443 unless given. */
  readonly port?: number
  /** Certificates in PEM to trust instead of the system's. */
  readonly ca?: string | readonly string[]
  /** The most connections at once: 4 unless given. */
  readonly maxConnections?: number
  /** Milliseconds; what is not given: connect 10 s, request 20 s, ping 60 s, idle 30 min. */
  readonly timeouts?: {
    readonly connect?: number
    readonly request?: number
    readonly ping?: number
    readonly idle?: number
  }
  /** Milliseconds since 1970, for the JWT. */
  readonly clock?: () => number
  /** From 0 to below 1. */
  readonly random?: () => number
}

const hosts = { apns_prod: 'api.push.apple.com', apns_dev: 'api.sandbox.push.apple.com', apns_test: undefined }

/** How long pushes wait after credentials were refused: nothing but an operator's hand or Apple's recovery helps. */
const pauseMs = 60_000

/**
 * Connects at the first push. Reasons of `gone`: `BAD`, `TOPIC`, `EXPIRED`, `UNREGISTERED`. `retry` with `all`: no connection, or
 * credentials refused.
 * @throws ProviderConfigError for a key, a host, a port or an authority that cannot be used
 */
export function apnsProvider(options: ApnsOptions): PushProvider {
  const { name, topic, teamId, keyId, ca, clock = Date.now, random = Math.random } = options
  const { host = hosts[name], port = 443, maxConnections = 4, timeouts = {} } = options
  if (host === undefined) throw new ProviderConfigError(`expected the host of ${name}`)
  checkFarEnd({ host, port, ca })
  if (!/^[\w.-]+$/.test(topic)) throw new ProviderConfigError('expected a bundle id as topic')
  if (!/^\w+$/.test(teamId) || !/^\w+$/.test(keyId))
    throw new ProviderConfigError('expected letters and digits as ids of team and key')
  const { connect = 10_000, request = 20_000, ping = 60_000, idle = 1_800_000 } = timeouts
  const token = providerToken({ key: readSigningKey(options.key, 'ES256'), keyId, teamId, clock, random })
  const session: SessionOptions = {
    host,
    port,
    ...(ca !== undefined && { ca }),
    connectMs: connect,
    pingMs: ping,
    idleMs: idle,
  }
  const sessions = sessionPool(session, maxConnections)
  let closed = false

  function failure(failed: HttpFailure['failed']): PushOutcome {
    if (failed === 'connect') return { outcome: 'retry', afterMs: 0, reason: failed, all: true }
    return { outcome: 'retry', afterMs: 0, reason: closed ? 'closed' : failed }
  }

  async function attempt(push: Push, jwt: string, signal: AbortSignal) {
    const headers = apnsHeaders(push.kind, { host: session.host, topic, token: push.token, jwt })
    const result = await sessions.post(headers, apnsBody(push.kind, push.notificationData), {
      signal,
      timeoutMs: request,
    })
    return 'failed' in result ? failure(result.failed) : readApnsAnswer(result, push, clock())
  }

  async function send(push: Push, { signal }: { readonly signal: AbortSignal }): Promise<PushOutcome> {
    if (closed || signal.aborted) return failure('aborted')
    const jwt = await token.current()
    let outcome = await attempt(push, jwt, signal)
    if (outcome.outcome !== 'renew') return outcome
    const renewed = await token.after(jwt)
    if (renewed !== undefined) outcome = await attempt(push, renewed, signal)
    if (outcome.outcome !== 'renew') return outcome
    return { outcome: 'retry', afterMs: pauseMs, reason: outcome.reason, all: true }
  }

  async function close() {
    closed = true
    sessions.close()
  }

  return {
    name,
    about: { topic },
    get maxConcurrent() {
      return sessions.maxConcurrent
    },
    readToken: name === 'apns_test' ? readTestToken : readApnsToken,
    send,
    close,
    [Symbol.asyncDispose]: close,
  }
}
