// Spec 21 A1, A4: the request that carries a push to APNs.
import type { NotificationData, PushKind } from '../notification-data.js'

const background = { 'content-available': 1 }
/** Without `mutable-content` the device would show the placeholder, and never decrypt. */
const alert = {
  'mutable-content': 1,
  alert: 'Encrypted message or another app event',
  category: 'NTF_CAT_CHECK_MESSAGE',
}

/** The JSON, compact. At most 4096 bytes with the padded length of spec 30 §6. */
export function apnsBody(kind: PushKind, notificationData: NotificationData): string {
  return JSON.stringify({ aps: kind === 'message' ? alert : background, notificationData })
}

export function apnsHeaders(
  kind: PushKind,
  {
    host,
    topic,
    token,
    jwt,
  }: { readonly host: string; readonly topic: string; readonly token: string; readonly jwt: string },
): Record<string, string> {
  return {
    ':method': 'POST',
    ':authority': host,
    // Nothing in a token may lead elsewhere.
    ':path': `/3/device/${encodeURIComponent(token)}`,
    'apns-topic': topic,
    'apns-push-type': kind === 'message' ? 'alert' : 'background',
    authorization: `bearer ${jwt}`,
    ...(kind !== 'message' && { 'apns-priority': '5' }),
  }
}
