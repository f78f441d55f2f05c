// The entry `@smpkit/push-providers/webpush`.
export { decryptWebPush, encryptWebPush } from './webpush/encryption.js'
export {
  generateVapidKeys,
  generateWebPushKeys,
  type VapidKeys,
  type WebPushKeys,
  type WebPushPublicKeys,
} from './webpush/keys.js'
export { type WebPushOptions, type WebPushSubscription, webPushProvider } from './webpush/provider.js'
export type { VapidOptions } from './webpush/vapid.js'
