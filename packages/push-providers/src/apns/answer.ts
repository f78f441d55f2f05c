// Spec 30 §6 "APNs answers", 21 A6: what became of a push by APNs' answer to it.
import { type HttpReply, statusReason } from '../http.js'
import type { Push, PushOutcome } from '../provider.js'
import { retryAfterMs } from '../retry-after.js'

/** `renew`: APNs did not take the JWT. */
export type ApnsOutcome = PushOutcome | { readonly outcome: 'renew'; readonly reason: string }

/** The reasons are those of the NTF protocol (20 §6). */
const dead: Readonly<Record<string, string>> = {
  '400 BadDeviceToken': 'BAD',
  '400 DeviceTokenNotForTopic': 'TOPIC',
  '410 ExpiredToken': 'EXPIRED',
  '410 Unregistered': 'UNREGISTERED',
}

/** Of Apple's other reasons those that an operator can do something about; they become labels, so that there are few. */
const known = new Set([
  'BadTopic',
  'TopicDisallowed',
  'MissingTopic',
  'BadCertificate',
  'BadCertificateEnvironment',
  'ExpiredProviderToken',
  'InvalidProviderToken',
  'MissingProviderToken',
  'UnrelatedKeyIdInToken',
  'Forbidden',
  'PayloadTooLarge',
  'TooManyProviderTokenUpdates',
  'TooManyRequests',
  'InternalServerError',
  'ServiceUnavailable',
  'Shutdown',
])

/** Reasons count for their status only, as they are written here. */
export function readApnsAnswer(
  { status, retryAfter, body }: HttpReply,
  { registeredAt }: Pick<Push, 'registeredAt'>,
  now: number,
): ApnsOutcome {
  if (status === 200) return { outcome: 'accepted' }
  const { reason, timestamp } = readBody(body)
  const deadReason = dead[`${status} ${reason}`]
  if (deadReason !== undefined) {
    // Dead before it was registered again: APNs has not noticed that yet.
    if (timestamp !== undefined && timestamp <= registeredAt) {
      return { outcome: 'retry', afterMs: 0, reason: 'registered-since' }
    }
    return { outcome: 'gone', reason: deadReason }
  }
  const label = reason !== undefined && known.has(reason) ? reason : statusReason(status)
  if (status === 403 && (reason === 'ExpiredProviderToken' || reason === 'InvalidProviderToken')) {
    return { outcome: 'renew', reason }
  }
  if (status === 429 || status === 500 || status === 503) {
    // All others of Apple's limits are those of one device.
    const all = reason === 'TooManyProviderTokenUpdates'
    return { outcome: 'retry', afterMs: retryAfterMs(retryAfter, now), reason: label, ...(all && { all }) }
  }
  return { outcome: 'refused', reason: label }
}

/** `timestamp`: since when the token is dead, in milliseconds. */
function readBody(body: string): { reason?: string; timestamp?: number } {
  try {
    const json: unknown = JSON.parse(body)
    if (typeof json !== 'object' || json === null) return {}
    const { reason, timestamp } = json as Record<string, unknown>
    return {
      ...(typeof reason === 'string' && { reason }),
      ...(typeof timestamp === 'number' && { timestamp }),
    }
  } catch {
    return {}
  }
}
