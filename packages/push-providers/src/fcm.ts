// The entry `@smpkit/push-providers/fcm`: Firebase Cloud Messaging.
export { type FcmOptions, fcmProvider, type ServiceAccount } from './fcm/provider.js'
