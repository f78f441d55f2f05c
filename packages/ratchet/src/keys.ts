// Spec 10.3.3: the private keys that a side keeps until its ratchet starts.
import type { PrivateKey } from '@smpkit/crypto'
import type { VersionRange } from '@smpkit/encoding'
import type { E2eParamsRange, E2eProposedParams } from './params.js'
import { platformRandom, type RatchetRandom } from './random.js'
import type { KemKeyPair } from './sntrup761.js'
import { kemSince } from './versions.js'

export interface RatchetKeys {
  readonly key1: PrivateKey<'x448'>
  readonly key2: PrivateKey<'x448'>
  readonly kem: KemKeyPair | null
}

/** For the creator of an invitation, and for both sides of a re-synchronisation. */
export function createRatchetKeys({ kem }: { kem: boolean }, random: RatchetRandom = platformRandom): RatchetKeys {
  return { key1: random.x448(), key2: random.x448(), kem: kem ? random.kemKeyPair() : null }
}

const publicPart = ({ key1, key2, kem }: RatchetKeys) => ({
  key1: key1.publicKey,
  key2: key2.publicKey,
  kem: kem && ({ type: 'proposed', key: kem.publicKey } as const),
})

/** What the peer gets of these keys in a re-synchronisation. */
export function paramsOf(keys: RatchetKeys, version: number): E2eProposedParams {
  const part = publicPart(keys)
  return { version, ...part, kem: version >= kemSince ? part.kem : null }
}

/** What the peer gets of these keys in an invitation. */
export function paramsRangeOf(keys: RatchetKeys, versions: VersionRange): E2eParamsRange {
  return { versions, ...publicPart(keys) }
}
