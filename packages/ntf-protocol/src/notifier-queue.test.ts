import { AddressError } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { notifierQueueToText, parseNotifierQueue } from './notifier-queue.js'
import { address } from './testing/values.js'
import { plain, vectors } from './testing/vectors.js'

const queues = vectors('ntf-text', 'roundtrip', 'decode').filter(([, { type }]) => type === 'queue')

test.each(queues)('vector %s', (_, { text, value, canonical, error }) => {
  if (error) return expect(() => parseNotifierQueue(text)).toThrow(AddressError)
  const queue = parseNotifierQueue(text)
  expect(plain(queue)).toEqual(value)
  expect(notifierQueueToText(queue)).toBe(canonical ?? text)
})

test('a queue reads back as it was written', () => {
  fc.assert(
    fc.property(address, fc.uint8Array({ minLength: 1, maxLength: 40 }), (server, notifierId) => {
      expect(parseNotifierQueue(notifierQueueToText({ server, notifierId }))).toEqual({ server, notifierId })
    }),
  )
})

test('any other text is an AddressError', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => parseNotifierQueue(text)).toThrow(AddressError)
    }),
  )
})
