// Spec 04 §1, 06 §1: versions of the SMP protocol and what each of them brought.
import { intersect, type VersionRange } from '@smpkit/encoding'

declare const smpVersion: unique symbol

/** A version of the SMP protocol (not of the queue, the agent or the NTF protocol). */
export type SmpVersion = number & { readonly [smpVersion]: true }

/** The versions that a session of ours can have. */
export const smpVersions = { min: 14 as SmpVersion, max: 20 as SmpVersion } as const

/** The versions that a relay offers to proxied clients in `PKEY` (06 §1). */
export const proxiedVersions = { min: 8 as SmpVersion, max: 20 as SmpVersion } as const

/** The highest version that both ends and this package speak, `undefined` where there is none. */
export function commonVersion(ours: VersionRange, theirs: VersionRange): SmpVersion | undefined {
  const spoken = intersect(ours, smpVersions)
  return spoken && (intersect(spoken, theirs)?.max as SmpVersion | undefined)
}

/** The first version that has a feature. */
export const since = {
  /** Short links: link data in `NEW` and `IDS`, `LSET`, `LDEL`, `LKEY`, `LGET`, `RKEY`. */
  shortLinks: 15,
  /** Service certificates: `service` in the hello, the service signature, `SOK`. */
  serviceCertificates: 16,
  /** Notifier credentials in `NEW` and `IDS`. */
  notifierInNew: 17,
  /** `notice` in `BLOCKED`. */
  blockedNotice: 18,
  /** Count and hash of ids in `SUBS`, `NSUBS`, `SOKS`, `ENDS`; a messaging service in the hello. */
  idsHash: 19,
  /** `RSLV`. */
  names: 20,
} as const

export type Feature = keyof typeof since

export const has = (version: SmpVersion, feature: Feature): boolean => version >= since[feature]
