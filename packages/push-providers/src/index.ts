export { type ConsoleProviderOptions, consoleProvider } from './console.js'
export { DeviceTokenError, PayloadError, ProviderConfigError, PushError } from './errors.js'
export type { NotificationData, PushKind } from './notification-data.js'
export type { Push, PushOutcome, PushProvider } from './provider.js'
