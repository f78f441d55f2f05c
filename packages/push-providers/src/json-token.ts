// Spec 30 §5: device tokens that are JSON objects, given as such or as their text.
import { fromBase64url } from '@smpkit/encoding'
import { DeviceTokenError } from './errors.js'

/** The own members of an object; none for what is no object. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

/** Far more than a URL and keys need. */
const longestText = 4096

/** @throws DeviceTokenError */
export function readJsonToken(token: unknown): Readonly<Record<string, unknown>> {
  if (typeof token !== 'string') return membersOf(token)
  try {
    if (token.length <= longestText) return membersOf(JSON.parse(token))
  } catch {
    // Without its cause, which quotes the token.
  }
  throw new DeviceTokenError(`expected an object, or its JSON of at most ${longestText} characters`)
}

/** With or without padding. @throws DeviceTokenError */
export function readTokenBytes(text: unknown, what: string): Uint8Array {
  try {
    if (typeof text === 'string') return fromBase64url(text)
  } catch {
    // As above.
  }
  throw new DeviceTokenError(`expected ${what} as base64url`)
}
