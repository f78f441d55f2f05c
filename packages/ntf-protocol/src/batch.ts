// Spec 20 §1, §4: transmissions in blocks.
import { type LargeItem, maxTransmissionLength, type PackedBlock, packBlocks } from '@smpkit/smp-commands'
import { has, type NtfVersion, ntfBlockSize } from './versions.js'

/** The longest transmission that a block can hold, in bytes: 510 in version 1, then 491. */
export const maxNtfTransmissionLength = (version: NtfVersion): number =>
  has(version, 'batching') ? maxTransmissionLength(ntfBlockSize) : ntfBlockSize - 2

/**
 * Packs transmissions into the contents of blocks, in their order: of version 1 each into one, later as many as fit, the
 * first block being the partial one. What no block can hold is named and not sent.
 */
export function packCommands(version: NtfVersion, transmissions: readonly Uint8Array[]): (PackedBlock | LargeItem)[] {
  if (has(version, 'batching')) return packBlocks(transmissions, ntfBlockSize)
  return transmissions.map((content, first) =>
    content.length > maxNtfTransmissionLength(version)
      ? { error: 'LARGE_MSG', item: first }
      : { content, first, count: 1 },
  )
}

/**
 * The same for responses, which are all sent together. One that does not fit, which only echoed ids of unusual length
 * can bring about, is left out: there is no way to answer.
 */
export function packResponses(version: NtfVersion, transmissions: readonly Uint8Array[]): Uint8Array[] {
  return packCommands(version, transmissions).flatMap((block) => ('content' in block ? [block.content] : []))
}
