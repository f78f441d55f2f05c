import { expect, test } from 'vitest'
import { vectors } from './testing/vectors.js'
import { commonNtfVersion, has, type NtfVersion } from './versions.js'

interface Ranges {
  client: [number, number]
  server: [number, number]
}

test.each(vectors<Ranges>('ntf-handshake', 'negotiate'))('vector %s', (_, { in: { client, server }, out, error }) => {
  const [ours, theirs] = [client, server].map(([min, max]) => ({ min, max }))
  const version = ours && theirs && commonNtfVersion(ours, theirs)
  expect(version === undefined ? 'VERSION' : { version }).toEqual(error ?? out)
})

test('batching comes with version 2, reasons with version 3', () => {
  const versions = [1, 2, 3] as NtfVersion[]
  expect(versions.map((version) => has(version, 'batching'))).toEqual([false, true, true])
  expect(versions.map((version) => has(version, 'invalidReason'))).toEqual([false, false, true])
})
