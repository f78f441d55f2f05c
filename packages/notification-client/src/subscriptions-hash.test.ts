import { createHash } from 'node:crypto'
import { toBase64url } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { subscriptionsHash } from './subscriptions-hash.js'

const queue = fc.record(
  {
    keyHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    notifierId: fc.uint8Array({ minLength: 1, maxLength: 24 }),
  },
  { noNullPrototype: true },
)
const texts = (one: { keyHash: Uint8Array; notifierId: Uint8Array }) => ({
  keyHash: toBase64url(one.keyHash),
  notifierId: toBase64url(one.notifierId),
})

it('is that of the one subscription, zero for none, and of each pair that is twice there', () => {
  fc.assert(
    fc.property(queue, (one) => {
      const digest = createHash('sha256').update(one.keyHash).update(one.notifierId).digest()
      expect(subscriptionsHash([texts(one)])).toBe(toBase64url(digest))
      expect(subscriptionsHash([texts(one), texts(one)])).toBe(subscriptionsHash([]))
    }),
  )
  expect(subscriptionsHash([])).toBe(toBase64url(new Uint8Array(32)))
})

it('does not depend on the order', () => {
  fc.assert(
    fc.property(fc.array(queue), (queues) => {
      expect(subscriptionsHash(queues.map(texts).reverse())).toBe(subscriptionsHash(queues.map(texts)))
    }),
  )
})
