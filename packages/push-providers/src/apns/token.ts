// Spec 30 §5: the device tokens of APNs.
import { DeviceTokenError } from '../errors.js'

const hex = /^(?:[0-9a-f]{2}){32,100}$/

/** @throws DeviceTokenError */
export function readApnsToken(token: unknown): string {
  if (typeof token === 'string' && hex.test(token)) return token
  throw new DeviceTokenError('expected 32 to 100 bytes as lower-case hex')
}
