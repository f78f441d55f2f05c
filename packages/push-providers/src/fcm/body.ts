// Spec 21 B2, 30 §6: the message that carries a push to FCM.
import type { NotificationData, PushKind } from '../notification-data.js'

const day = 86_400
/** In seconds. A device that is off for weeks still learns of its messages; what only says that it is time to look does not last. */
const timeToLive: Record<PushKind, number> = { verification: day, message: 28 * day, check: day }

/** The JSON. All values of `data` are texts, as FCM wants them. */
export function fcmBody(kind: PushKind, token: string, notificationData: NotificationData): string {
  const data = Object.fromEntries(Object.entries(notificationData).map(([name, value]) => [name, String(value)]))
  const android = {
    priority: kind === 'check' ? 'NORMAL' : 'HIGH',
    ttl: `${timeToLive[kind]}s`,
    // Of checks that wait for a device, one is enough. Messages are different from each other.
    ...(kind === 'check' && { collapse_key: 'check' }),
  }
  return JSON.stringify({ message: { token, data, android } })
}
