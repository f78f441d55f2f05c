// The entry `@smpkit/push-providers/testing`: far ends of the providers that speak the real protocols and fail when told to.

export {
  type ApnsAnswer,
  type ApnsFake,
  type ApnsFakeOptions,
  type ApnsPush,
  startApnsFake,
} from './testing/apns-fake.js'
export { type ApnsLog, devicePath, logOfFakes, logOfFile, type SeenPush } from './testing/apns-log.js'
export { createTestIdentity, type TestIdentity } from './testing/authority.js'
export type { EndpointAnswer, EndpointFake, EndpointFakeOptions } from './testing/endpoint-fake.js'
export {
  type FcmAnswer,
  type FcmFailure,
  type FcmFake,
  type FcmFakeOptions,
  type FcmPush,
  type GrantAnswer,
  startFcmFake,
} from './testing/fcm-fake.js'
export { type ReceivedWebhook, startWebhookFake, type WebhookFake } from './testing/webhook-fake.js'
export { type ReceivedWebPush, startWebPushFake, type WebPushFake } from './testing/webpush-fake.js'
