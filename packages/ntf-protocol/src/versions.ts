// Spec 20 §1, §2: sizes and versions of the NTF protocol, and what each version brought.
import { intersect, type VersionRange } from '@smpkit/encoding'

declare const ntfVersion: unique symbol

/** A version of the NTF protocol (not of SMP). */
export type NtfVersion = number & { readonly [ntfVersion]: true }

/** The versions that a session of ours can have. Without ALPN it is 1. */
export const ntfVersions = { min: 1 as NtfVersion, max: 3 as NtfVersion } as const

/** Size of a block in bytes; `packBlocks` and `padInto` take it. */
export const ntfBlockSize = 512

/** The port of an address that names none. */
export const ntfDefaultPort = 443

/** The first version that has a feature. */
export const since = {
  /** Several transmissions in a block, and no session id in them. */
  batching: 2,
  /** A key of the server for the session: authenticators of X25519 keys. */
  sessionKey: 2,
  /** The reason in `TKN INVALID,reason`. */
  invalidReason: 3,
} as const

export type NtfFeature = keyof typeof since

export const has = (version: NtfVersion, feature: NtfFeature): boolean => version >= since[feature]

/** The highest version that both ends speak, `undefined` where there is none. */
export function commonNtfVersion(ours: VersionRange, theirs: VersionRange): NtfVersion | undefined {
  return intersect(ours, theirs)?.max as NtfVersion | undefined
}
