// Spec 04 §2, §2.1: several transmissions in one block.
import { DecodeError, Reader, Writer } from '@smpkit/encoding'
import { ParseError } from './errors.js'

/** Size of an SMP block; the notification protocol has its own. */
export const blockSize = 16384
/** Of a block: 2 bytes of padding length, 1 of count, 16 of the authentication tag. */
const reserved = 19
const maxCount = 255

/** A block to send: its content, and which of the transmissions it holds. */
export interface PackedBlock {
  readonly content: Uint8Array
  /** Index of the first transmission in it. */
  readonly first: number
  readonly count: number
}

/** A transmission that no block can hold: not sent, error `LARGE_MSG`. */
export interface LargeItem {
  readonly error: 'LARGE_MSG'
  readonly item: number
}

/** The longest transmission that a block of `size` bytes can hold in a batch. */
export const maxTransmissionLength = (size = blockSize): number => size - reserved - 2

/**
 * Packs transmissions into as few blocks as the rule allows: from the last to the first, so that the first block is the
 * partial one. The order within and of the blocks is that of `transmissions`.
 */
export function packBlocks(transmissions: readonly Uint8Array[], size = blockSize): (PackedBlock | LargeItem)[] {
  const packed: (PackedBlock | LargeItem)[] = []
  let end = transmissions.length
  while (end > 0) {
    let first = end
    let room = size - reserved
    while (first > 0 && end - first < maxCount) {
      const needed = 2 + (transmissions[first - 1] as Uint8Array).length
      if (needed > room) break
      room -= needed
      first--
    }
    if (first === end) packed.push({ error: 'LARGE_MSG', item: --end })
    else {
      packed.push({ content: packBlock(transmissions.slice(first, end)), first, count: end - first })
      end = first
    }
  }
  return packed.reverse()
}

/** The content of one block: a count byte, and each transmission with its 16-bit length. */
export function packBlock(transmissions: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer(1 + transmissions.reduce((sum, item) => sum + 2 + item.length, 0))
  writer.byte(transmissions.length)
  for (const item of transmissions) writer.largeBytes(item)
  return writer.view()
}

/** The transmissions in a block's content, as views. @throws ParseError `BLOCK` */
export function parseBlock(content: Uint8Array): Uint8Array[] {
  const reader = new Reader(content)
  try {
    const count = reader.byte()
    if (count === 0) throw reader.invalid('expected a count of 1 to 255')
    const transmissions: Uint8Array[] = []
    for (let i = 0; i < count; i++) transmissions.push(reader.largeBytes())
    reader.end()
    return transmissions
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new ParseError('BLOCK', `malformed batch: ${error.message}`, { cause: error })
  }
}
