import { pad, toHex } from '@smpkit/encoding'
import { parseBlock } from '@smpkit/smp-commands'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maxNtfTransmissionLength, packCommands, packResponses } from './batch.js'
import { versions } from './testing/values.js'
import { bytesOf, vectors } from './testing/vectors.js'
import { type NtfVersion, ntfBlockSize } from './versions.js'

type Block = { count: number; content: string; block: string } | { error: 'LARGE' }
const recorded = vectors<{ transmissions: string[] }, { blocks: Block[] }>('ntf-transmission', 'batch')

test.each(recorded)('vector %s', (_, { version, in: { transmissions }, out }) => {
  const items = transmissions.map(bytesOf)
  const blocks = packCommands(version, items).map((block) => {
    if ('error' in block) return { error: 'LARGE' }
    const { content, count } = block
    return { content: toHex(content), count, block: toHex(pad(content, ntfBlockSize)) }
  })
  expect(blocks).toEqual(out.blocks)
  expect(packResponses(version, items).map(toHex)).toEqual(
    out.blocks.flatMap((block) => ('error' in block ? [] : [block.content])),
  )
})

test.each(versions)('in version %i every transmission that fits arrives once and in order', (version) => {
  const sizes = fc.array(fc.oneof(fc.nat(30), fc.nat(600)), { maxLength: 300 })
  fc.assert(
    fc.property(sizes, (lengths) => {
      const items = lengths.map((length, i) => new Uint8Array(length).fill(i % 251))
      const fitting = items.filter(({ length }) => length <= maxNtfTransmissionLength(version))
      const contents = packResponses(version, items)
      expect(contents.flatMap((content) => (version === 1 ? [content] : parseBlock(content)))).toEqual(fitting)
      for (const content of contents) expect(content.length).toBeLessThanOrEqual(version === 1 ? 510 : 494)
      const large = packCommands(version, items).flatMap((block) => ('error' in block ? [items[block.item]] : []))
      expect(large).toEqual(items.filter((item) => !fitting.includes(item)))
    }),
    { numRuns: 50 },
  )
})

test('as many fit as the protocol says: 4 checks, 7 statuses, 8 subscription ids', () => {
  const counts = (length: number) =>
    packCommands(
      3 as NtfVersion,
      Array.from({ length: 20 }, () => new Uint8Array(length)),
    ).map((block) => 'count' in block && block.count)
  expect(counts(119)).toEqual([4, 4, 4, 4, 4])
  expect(counts(61)).toEqual([6, 7, 7])
  expect(counts(58)).toEqual([4, 8, 8])
})
