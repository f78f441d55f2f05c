// RFC 8878 §3.1.1: how large a zstd frame says that its content is.
import { Reader } from '@smpkit/encoding'

const magic = [0x28, 0xb5, 0x2f, 0xfd]

/** Bytes of the dictionary id, by the lowest two bits of the descriptor. */
const dictionaryIdLengths = [0, 1, 2, 4]

/**
 * The content size in a frame's header, in bytes (imprecise above 2^53); `null` where the frame does not declare it.
 * Skippable frames are refused.
 * @throws DecodeError
 */
export function declaredContentSize(frame: Uint8Array): number | null {
  const reader = new Reader(frame)
  for (const byte of magic) reader.expect(byte, 'a zstd frame')
  const descriptor = reader.byte()
  if (descriptor & 0x08) throw reader.invalid('expected a reserved bit of 0', magic.length)
  const isSingleSegment = (descriptor & 0x20) !== 0
  if (!isSingleSegment) reader.byte()
  reader.take(dictionaryIdLengths[descriptor & 3] ?? 0)
  switch (descriptor >> 6) {
    case 0:
      return isSingleSegment ? reader.byte() : null
    case 1:
      return littleEndian(reader.take(2)) + 256
    case 2:
      return littleEndian(reader.take(4))
    default:
      return littleEndian(reader.take(8))
  }
}

const littleEndian = (bytes: Uint8Array): number => bytes.reduceRight((value, byte) => value * 256 + byte, 0)
