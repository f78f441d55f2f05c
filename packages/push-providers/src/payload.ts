// The entry `@smpkit/push-providers/payload`: what a device needs. No I/O, nothing of Node.
export { PayloadError, PushError } from './errors.js'
export { countFitting, decodeItems, encodeItem, encodeItems, maxItems, type PushItem } from './items.js'
export {
  checkMessagesData,
  kindOf,
  messageData,
  type NotificationData,
  type OpenedPush,
  openPush,
  type PushKind,
  readNotificationData,
  verificationCode,
  verificationData,
  verifyCommand,
} from './notification-data.js'
export {
  decryptPayload,
  defaultPaddedLength,
  type EncryptedText,
  type EncryptOptions,
  encryptPayload,
  tokenSecret,
} from './payload-encryption.js'
export { signWebhook, type VerifyWebhookOptions, verifyWebhook } from './webhook/signature.js'
