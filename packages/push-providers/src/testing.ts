// The entry `@smpkit/push-providers/testing`: far ends of the providers that speak the real protocols and fail when told to.
export { createTestIdentity, type TestIdentity } from './testing/authority.js'
