// Spec 10.4, 10.5.1: the key derivations.
import { hkdfSha512 } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'

const utf8 = new TextEncoder()
const agreementInfo = utf8.encode('SimpleXX3DH')
const rootInfo = utf8.encode('SimpleXRootRatchet')
const chainInfo = utf8.encode('SimpleXChainRatchet')
const noSalt = new Uint8Array(0)

/** The KEM's part of a secret is absent in most derivations. */
const joined = (secrets: readonly (Uint8Array | null)[]) => concat(...secrets.filter((secret) => secret !== null))

/** Three keys of 32 bytes, each an array of its own: they are kept for different times. */
function threeKeys(salt: Uint8Array, input: Uint8Array, info: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const keys = hkdfSha512(salt, input, info, 96)
  return [keys.slice(0, 32), keys.slice(32, 64), keys.slice(64)]
}

/** Of the three DH secrets of 10.4 in their order and the KEM's. */
export function agreementKdf(...secrets: (Uint8Array | null)[]) {
  const [headerKey, nextHeaderKey, rootKey] = threeKeys(noSalt, joined(secrets), agreementInfo)
  return { headerKey, nextHeaderKey, rootKey }
}

/** Of the DH secret and the KEM's. */
export function rootKdf(rootKey: Uint8Array, ...secrets: (Uint8Array | null)[]) {
  const [newRootKey, chainKey, nextHeaderKey] = threeKeys(rootKey, joined(secrets), rootInfo)
  return { rootKey: newRootKey, chainKey, nextHeaderKey }
}

/** The keys of one message, IVs of 16 bytes, and the chain key for the next one. */
export function chainKdf(chainKey: Uint8Array) {
  const keys = hkdfSha512(noSalt, chainKey, chainInfo, 96)
  return {
    chainKey: keys.slice(0, 32),
    messageKey: keys.slice(32, 64),
    messageIv: keys.slice(64, 80),
    headerIv: keys.slice(80),
  }
}
