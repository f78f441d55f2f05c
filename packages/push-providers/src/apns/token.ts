// Spec 30 §5, 20 §6: the device tokens of APNs, and what stands for them where there is no Apple behind.
import { DeviceTokenError } from '../errors.js'

const hex = /^(?:[0-9a-f]{2}){32,100}$/
const printable = /^[\x20-\x7e]{1,255}$/

/** Of Apple's own servers. @throws DeviceTokenError */
export function readApnsToken(token: unknown): string {
  if (typeof token === 'string' && hex.test(token)) return token
  throw new DeviceTokenError('expected 32 to 100 bytes as lower-case hex')
}

/** Of `apns_test` and `apns_null`: any text, as tests take short ones. @throws DeviceTokenError */
export function readTestToken(token: unknown): string {
  // A path cannot have dots alone as a segment, however they are written (RFC 3986 §5.2.4, §6.2.2.2).
  if (typeof token === 'string' && printable.test(token) && token !== '.' && token !== '..') return token
  throw new DeviceTokenError('expected 1 to 255 printable characters of ASCII, other than "." and ".."')
}
