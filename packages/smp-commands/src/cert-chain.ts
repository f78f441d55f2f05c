// Spec 03 §3: `certChainPubKey`, a session key with the certificates that vouch for it.
import { largeBytes, list, record, type Value } from '@smpkit/encoding'

/** Certificates in DER, leaf first, and the session key signed by the leaf's key (02 §8). Nothing is checked here. */
export const certChainPubKey = record({ certChain: list(largeBytes, 1), signedKey: largeBytes })
export type CertChainPubKey = Value<typeof certChainPubKey>
