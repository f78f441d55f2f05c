import { PrivateKey } from '@smpkit/crypto'
import { DecodeError } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type StoredCommand,
  type StoredConfirmation,
  type StoredRequest,
  storedCommand,
  storedConfirmation,
  storedRequest,
} from './stored.js'
import { bytes, queueAddress, queueInfo, queueUri } from './testing/arbitraries.js'

const made = { noNullPrototype: true } as const
const senderKey = fc.constant(PrivateKey.generate('ed25519').publicKey)
const info = bytes(20_000)
const queueNo = fc.nat(65_535)
const text = fc.string({ unit: 'binary', maxLength: 2000 })
const tag = <T extends string>(value: T) => fc.constant(value)

const confirmation: fc.Arbitrary<StoredConfirmation> = fc.record(
  { senderKey: fc.option(senderKey), replyQueues: fc.array(queueInfo, { minLength: 1, maxLength: 3 }) },
  made,
)
const request: fc.Arbitrary<StoredRequest> = fc.record({ link: text, info: fc.option(info) }, made)
const command: fc.Arbitrary<StoredCommand> = fc.oneof(
  fc.record({ tag: tag('join'), info }, made),
  fc.record({ tag: tag('request'), info, queue: queueInfo, agentVersion: fc.nat(65_535) }, made),
  fc.record({ tag: tag('allow'), info, senderKey: fc.option(senderKey) }, made),
  fc.record({ tag: tag('secure'), queueNo, senderKey }, made),
  fc.record({ tag: tag('secureNewQueue'), queueNo, senderKey }, made),
  fc.record({ tag: tag('addQueue'), queueNo, server: fc.option(text) }, made),
  fc.record({ tag: tag('answerQueueAdd'), queue: queueUri, replaced: queueAddress }, made),
  fc.record({ tag: tag('answerQueueUse'), queueNo }, made),
  fc.record({ tag: tag('deleteQueue'), queueNo }, made),
  fc.record({ tag: tag('notifications'), enable: fc.boolean() }, made),
)

interface Coder<T> {
  toBytes(value: T): Uint8Array
  fromBytes(bytes: Uint8Array): T
}

function suite<T>(name: string, coder: Coder<T>, values: fc.Arbitrary<T>): void {
  describe(name, () => {
    it('is read as it was written', () => {
      fc.assert(
        fc.property(values, (value) => {
          const written = coder.toBytes(value)
          const read = coder.fromBytes(written)
          expect(read).toEqual(value)
          expect(coder.toBytes(read)).toEqual(written)
        }),
      )
    })

    it('is not read from other bytes than those', () => {
      const changed = fc.tuple(values, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
        const written = coder.toBytes(value)
        written[at % written.length] = byte
        return written
      })
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), changed), (some) => {
          try {
            coder.fromBytes(some)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
        }),
      )
      const [value] = fc.sample(values, 1)
      if (value === undefined) return
      const written = coder.toBytes(value)
      expect(() => coder.fromBytes(Uint8Array.of(...written, 255))).toThrow(DecodeError)
      // The last byte may be the mode of a queue, which need not be there.
      expect(() => coder.fromBytes(written.subarray(0, -2))).toThrow(DecodeError)
    })
  })
}

suite('a confirmation', storedConfirmation, confirmation)
suite('a request', storedRequest, request)
suite('a command', storedCommand, command)
