// Spec 30 §5, 20 §6: where pushes come to, by what the user has wished.
import type { Device } from '@smpkit/notification-client'
import { loadIdentity, type NotificationSettings } from './notification-settings.js'
import { deviceOf, openPushEndpoint } from './push-endpoint.js'
import { followPushLog } from './push-log.js'

/** Ends when it is closed. */
export interface Pushes {
  close(): Promise<void>
}

/** Where the notification server is to push to. */
export const deviceFor = (settings: NotificationSettings): Device =>
  'device' in settings ? settings.device : deviceOf(settings.keys, settings.origin)

/** In words. */
export function wayOf(settings: NotificationSettings): string {
  if (!('device' in settings)) return `pushes come as ${settings.keys.provider} to ${settings.origin}`
  const { device, log } = settings
  if (log !== null) return `pushes of ${device.provider} come from the file ${log}`
  return `pushes of ${device.provider} go to the device ${device.token}: none comes to this program`
}

/** @throws Refusal, the system's error if the port cannot be had */
export async function openPushes(
  settings: NotificationSettings,
  onPush: (notificationData: unknown) => Promise<void>,
): Promise<Pushes> {
  if (!('device' in settings)) {
    const { host, port, keys, identity } = settings
    return openPushEndpoint({ host, port, keys, identity: await loadIdentity(identity), onPush })
  }
  const { device, log } = settings
  return log === null ? { async close() {} } : followPushLog({ file: log, token: device.token, onPush })
}
