// The entry `@smpkit/push-providers/apns`: Apple's devices.
export { apnsBody } from './apns/body.js'
export { nullProvider } from './apns/null-provider.js'
export { type ApnsOptions, apnsProvider } from './apns/provider.js'
