export { type Decrypted, decrypt, maxKeptKeys, type SkippedChanges } from './decrypt.js'
export { type EncryptOptions, encrypt, encryptBody, encryptHeader } from './encrypt.js'
export { RatchetError, type RatchetErrorCode } from './errors.js'
export type { KemAccepted, KemParams, KemProposed } from './fields.js'
export { createRatchetKeys, paramsOf, paramsRangeOf, type RatchetKeys } from './keys.js'
export {
  type E2eParams,
  type E2eParamsRange,
  type E2eProposedParams,
  e2eParams,
  e2eParamsRange,
  e2eProposedParams,
} from './params.js'
export { e2eParamsFromText, e2eParamsToText } from './params-text.js'
export type { RatchetRandom } from './random.js'
export { ratchetKeyHash, resyncRole } from './resync.js'
export { maxSkipped } from './skip.js'
export {
  decapsulate,
  encapsulate,
  generateKemKeyPair,
  type KemEncapsulation,
  KemError,
  type KemKeyPair,
} from './sntrup761.js'
export { type StartOptions, securityCode, startReceiving, startSending, startSendingWith } from './start.js'
export type { MessageKey, RatchetKem, RatchetState, ReceiveChain, SendChain, SkippedKey } from './state.js'
export { messageKey, ratchetKeys, ratchetState, skippedKey } from './storage.js'
export { commonE2eVersion, type E2eVersion, e2eVersions } from './versions.js'
