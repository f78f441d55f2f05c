// Spec 10.2: versions of the end-to-end encryption and their negotiation.
import { intersect, type VersionRange } from '@smpkit/encoding'

declare const e2eVersion: unique symbol

/** A version of the end-to-end encryption (not of SMP, the queue or the agent). */
export type E2eVersion = number & { readonly [e2eVersion]: true }

/** The versions that a ratchet of ours can have. */
export const e2eVersions = { min: 2 as E2eVersion, max: 3 as E2eVersion } as const

/** The KEM fields, 2-byte length prefixes and the larger header. */
export const kemSince = 3

/** The version that a joiner takes of an invitation's range, `undefined` where none is common. */
export function commonE2eVersion(theirs: VersionRange): E2eVersion | undefined {
  return intersect(e2eVersions, theirs)?.max as E2eVersion | undefined
}

export function isE2eVersion(version: number): version is E2eVersion {
  return e2eVersions.min <= version && version <= e2eVersions.max
}
