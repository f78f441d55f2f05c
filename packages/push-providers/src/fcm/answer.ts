// Spec 21 B2, 30 §6: what became of a push by FCM's answer to it.
import { type HttpReply, statusReason } from '../http.js'
import type { PushOutcome } from '../provider.js'
import { retryAfterMs } from '../retry-after.js'

/** `renew`: FCM did not take the access token. */
export type FcmOutcome = PushOutcome | { readonly outcome: 'renew'; readonly reason: string }

/** Where FCM names no delay, in milliseconds. */
const quotaDelay = 60_000
const awayDelay = 10_000
/** Nothing but an operator's hand helps. */
export const pauseMs = 60_000

export function readFcmAnswer({ status, retryAfter, body }: HttpReply, now: number): FcmOutcome {
  if (status === 200) return { outcome: 'accepted' }
  const { errorCode, fields } = readBody(body)
  const later = (least: number): PushOutcome => ({
    outcome: 'retry',
    afterMs: retryAfterMs(retryAfter, now) || least,
    reason: statusReason(status),
  })
  switch (status) {
    case 400:
      // Otherwise the mistake is ours, and the token may be good.
      if (errorCode === 'INVALID_ARGUMENT' && fields.includes('message.token'))
        return { outcome: 'gone', reason: 'BAD' }
      break
    case 401:
      return { outcome: 'renew', reason: errorCode === 'THIRD_PARTY_AUTH_ERROR' ? 'third-party-auth' : 'http-401' }
    case 403:
      if (errorCode === 'SENDER_ID_MISMATCH') return { outcome: 'gone', reason: 'TOPIC' }
      // The service account may not push at all.
      return { outcome: 'retry', afterMs: pauseMs, reason: 'http-403', all: true }
    case 404:
      if (errorCode === 'UNREGISTERED') return { outcome: 'gone', reason: 'UNREGISTERED' }
      break
    case 429:
      return later(quotaDelay)
    default:
      if (status >= 500) return later(awayDelay)
  }
  return { outcome: 'refused', reason: statusReason(status) }
}

/** The `errorCode` of the `FcmError`, and the fields that are said to be wrong. Other members are ignored. */
function readBody(body: string): { errorCode: string | undefined; fields: readonly string[] } {
  const details = listIn(objectIn(parse(body), 'error'), 'details')
  const errorCode = details
    .filter((detail) => /\.FcmError$/.test(String(objectIn(detail)['@type'])))
    .map((detail) => objectIn(detail).errorCode)
    .find((code) => typeof code === 'string')
  const violations = details.flatMap((detail) => listIn(objectIn(detail), 'fieldViolations'))
  return { errorCode, fields: violations.map((violation) => String(objectIn(violation).field)) }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** Of something else than an object: one without members. */
function objectIn(value: unknown, name?: string): Record<string, unknown> {
  const object = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  return name === undefined ? object : objectIn(object[name])
}

function listIn(object: Record<string, unknown>, name: string): readonly unknown[] {
  const list = object[name]
  return Array.isArray(list) ? list : []
}
