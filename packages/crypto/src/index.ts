export { decryptAesGcm, encryptAesGcm } from './aes-gcm.js'
export type { DhAlgorithm, KeyAlgorithm, SigningAlgorithm } from './algorithms.js'
export { authenticate, authenticatorLength, verifyAuthenticator } from './authenticator.js'
export { BlockChain, blockChains, initialChainKeys, nextBlockKey } from './block-chain.js'
export { box, boxPadded, openBox, openBoxPadded, tagLength } from './box.js'
export { type Certificate, fingerprint, parseCertificate } from './certificate.js'
export { type CertificateName, type CertificateOptions, createCertificate } from './certificate-builder.js'
export {
  type ChainRoles,
  type ChainShape,
  chainShape,
  checkClientChain,
  checkServerChain,
} from './certificate-chain.js'
export {
  CertificateError,
  type CertificateErrorCode,
  CryptoError,
  type CryptoErrorCode,
  KeyError,
} from './errors.js'
export {
  constantTimeEqual,
  hkdfSha512,
  hmacSha512,
  md5,
  randomBytes,
  sha3_256,
  sha3_384,
  sha256,
  sha512,
} from './hash.js'
export { combineIdsHashes, emptyIdsHash, idsHashLength, xorIdsHash } from './ids-hash.js'
export { authKey, dhKey, privateAuthKey, publicKey } from './key-codecs.js'
export { type AuthKey, isAuthKey, isPrivateAuthKey, type PrivateAuthKey, PrivateKey, PublicKey } from './keys.js'
export {
  contactLinkKeys,
  invitationLinkKeys,
  linkKey,
  openLinkItem,
  openUnverifiedLinkItem,
  sealLinkItem,
  senderIdOf,
} from './links.js'
export type { AesGcmSealed } from './platform.js'
export { dh, sign, verify } from './signatures.js'
export { signKey, verifySignedKey } from './signed-key.js'
