// RFC 7523, spec 21 B2: the OAuth token with which FCM lets us in, from the service account's key.
import type { KeyObject } from 'node:crypto'
import type { Agent } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { type HttpFailure, postHttps } from '../http.js'
import { signJwt } from '../jwt.js'

/** `refused`: the authority does not take the service account. `unfit`: it answered something else than a token. */
export type AccessResult =
  | { readonly token: string }
  | { readonly failed: HttpFailure['failed'] | 'refused' | 'unfit' | 'away' }

export interface AccessToken {
  /** One request for all who wait. Never rejects; the caller's own signal ends only its wait. */
  get(signal: AbortSignal): Promise<AccessResult>
  /** FCM has refused `token`: the next `get` asks for another one. */
  forget(token: string): void
  close(): void
}

export interface AccessTokenOptions {
  readonly agent: Agent
  readonly email: string
  readonly key: KeyObject
  readonly keyId: string | undefined
  readonly tokenUri: URL
  readonly timeoutMs: number
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

const scope = 'https://www.googleapis.com/auth/firebase.messaging'
/** In seconds, the longest that is allowed. */
const assertionLife = 3600
/** A token is not used any more so long before its end. */
const margin = 300_000

export function accessToken(options: AccessTokenOptions): AccessToken {
  const { agent, email, key, keyId, tokenUri, timeoutMs, clock } = options
  const end = new AbortController()
  let cached: { readonly token: string; readonly from: number; readonly until: number } | undefined
  let asking: Promise<AccessResult> | undefined

  async function ask(): Promise<AccessResult> {
    const now = clock()
    const iat = Math.floor(now / 1000)
    const assertion = await signJwt(
      key,
      { algorithm: 'RS256', type: 'JWT', ...(keyId !== undefined && { keyId }) },
      { iss: email, scope, aud: tokenUri.href, iat, exp: iat + assertionLife },
    )
    const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
    const target = {
      ...urlToHttpOptions(tokenUri),
      agent,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }
    const reply = await postHttps(target, form.toString(), { signal: end.signal, timeoutMs })
    if ('failed' in reply) return reply
    if (reply.status >= 500 || reply.status === 429) return { failed: 'away' }
    if (reply.status !== 200) return { failed: 'refused' }
    const granted = readGrant(reply.body)
    if (!granted) return { failed: 'unfit' }
    cached = { token: granted.token, from: now, until: now + granted.seconds * 1000 - margin }
    return { token: granted.token }
  }

  return {
    async get(signal) {
      const now = clock()
      // A clock that was set back says nothing about the age.
      if (cached && now < cached.until && now >= cached.from) return { token: cached.token }
      asking ??= ask().finally(() => {
        asking = undefined
      })
      return untilAborted(asking, signal)
    },
    forget(token) {
      if (cached?.token === token) cached = undefined
    },
    close() {
      end.abort()
    },
  }
}

function untilAborted(result: Promise<AccessResult>, signal: AbortSignal): Promise<AccessResult> {
  if (signal.aborted) return Promise.resolve({ failed: 'aborted' })
  return new Promise((resolve) => {
    const abort = () => resolve({ failed: 'aborted' })
    signal.addEventListener('abort', abort)
    void result.then((value) => {
      signal.removeEventListener('abort', abort)
      resolve(value)
    })
  })
}

function readGrant(body: string): { token: string; seconds: number } | undefined {
  try {
    const { access_token: token, expires_in: seconds } = JSON.parse(body) ?? {}
    // It goes into a header.
    if (typeof token !== 'string' || !/^[!-~]+$/.test(token)) return undefined
    return { token, seconds: typeof seconds === 'number' && seconds > 0 ? seconds : 0 }
  } catch {
    return undefined
  }
}
