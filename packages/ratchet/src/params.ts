// Spec 10.3: the parameters of the key agreement, in binary.
import type { PublicKey } from '@smpkit/crypto'
import { type Codec, record, type VersionRange, versionRange, word16 } from '@smpkit/encoding'
import { type KemParams, type KemProposed, kemParams, kemProposal, x448Key } from './fields.js'
import { kemSince } from './versions.js'

/** Of one version: in a confirmation. */
export interface E2eParams<K extends KemParams = KemParams> {
  /** Any 16-bit number: whoever starts a ratchet with it checks it. */
  readonly version: number
  readonly key1: PublicKey<'x448'>
  readonly key2: PublicKey<'x448'>
  readonly kem: K | null
}

/** What an initiator, or either side of a re-synchronisation, may send: a KEM key, but no secret yet. */
export type E2eProposedParams = E2eParams<KemProposed>

/** Of a range of versions: in an invitation. */
export interface E2eParamsRange {
  readonly versions: VersionRange
  readonly key1: PublicKey<'x448'>
  readonly key2: PublicKey<'x448'>
  readonly kem: KemProposed | null
}

/** Has the field `kem` from version 3 on; before that it is not written, and read as `null`. */
function paramsOf<K extends KemParams>(kem: Codec<K | null>): Codec<E2eParams<K>> {
  const keys = record<Omit<E2eParams, 'kem'>>({ version: word16, key1: x448Key, key2: x448Key })
  return {
    write(w, params) {
      keys.write(w, params)
      if (params.version >= kemSince) kem.write(w, params.kem)
    },
    read(r) {
      const params = keys.read(r)
      return { ...params, kem: params.version >= kemSince ? kem.read(r) : null }
    },
  }
}

/** 140 (version 2), 141, 1302 (proposed) or 2343 (accepted) bytes. */
export const e2eParams = paramsOf(kemParams)

/** Refuses `accepted`. */
export const e2eProposedParams = paramsOf(kemProposal)

/** The field `kem` is there whatever the versions are: 143 or 1304 bytes. */
export const e2eParamsRange = record<E2eParamsRange>({
  versions: versionRange,
  key1: x448Key,
  key2: x448Key,
  kem: kemProposal,
})
