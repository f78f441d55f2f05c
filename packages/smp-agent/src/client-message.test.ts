import { dh, openBoxPadded, PrivateKey } from '@smpkit/crypto'
import { DecodeError, decode, encode, tail, toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ClientMessage,
  clientEnvelope,
  clientMessage,
  clientMessageOf,
  decryptClientMessage,
  encryptClientMessage,
  openClientBody,
  sealClientBody,
} from './client-message.js'
import { PeerError } from './errors.js'
import * as any from './testing/arbitraries.js'
import { expectOnlyDecodeErrors, expectRoundTrip } from './testing/codecs.js'

const recipient = PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(1))
const sender = PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(2))
const secret = dh(sender, recipient.publicKey)
const nonce = new Uint8Array(24).fill(3)
const message: ClientMessage = {
  senderKey: null,
  envelope: { agentVersion: 7, type: 'message', encAgentMessage: Uint8Array.of(1, 2, 3) },
}

const anyMessage: fc.Arbitrary<ClientMessage> = fc.record(
  { senderKey: fc.option(any.dhKey), envelope: any.agentEnvelope },
  { noNullPrototype: true },
)

describe('codecs', () => {
  test('every client message reads back', () => expectRoundTrip(clientMessage, anyMessage))

  test('every client envelope reads back', () => {
    const envelope = fc.record(
      {
        clientVersion: fc.nat(0xffff),
        dhKey: fc.option(any.dhKey),
        nonce: fc.uint8Array({ minLength: 24, maxLength: 24 }),
        encBody: any.bytes(),
      },
      { noNullPrototype: true },
    )
    expectRoundTrip(clientEnvelope, envelope)
    expectOnlyDecodeErrors(clientEnvelope, envelope)
  })

  test('other bytes are a message or a DecodeError', () => expectOnlyDecodeErrors(clientMessage, anyMessage))

  test('the header says with a letter whether there is a key', () => {
    const codec = clientMessageOf(tail)
    expect(toHex(encode(codec, { senderKey: null, envelope: Uint8Array.of(9) }))).toBe('5f09')
    const keyed = encode(codec, { senderKey: sender.publicKey, envelope: Uint8Array.of(9) })
    expect(toHex(keyed)).toBe(`4b2c${toHex(sender.publicKey.toDer())}09`)
    expect(() => decode(codec, Uint8Array.of(0x6b, 0))).toThrow(DecodeError)
  })
})

describe('encrypted', () => {
  test('bodies have the sizes of the spec', () => {
    const options = { clientVersion: 4, nonce }
    expect(encryptClientMessage(secret, message, { ...options, dhKey: sender.publicKey })).toHaveLength(15992)
    expect(encryptClientMessage(secret, message, { ...options, dhKey: null })).toHaveLength(16043)
  })

  test('the padding is #', () => {
    const body = sealClientBody(secret, { clientVersion: 4, dhKey: null, nonce }, 20, (w) => w.raw(Uint8Array.of(7)))
    const { encBody } = decode(clientEnvelope, body)
    const padded = openBoxPadded(secret, nonce, encBody)
    expect(padded).toEqual(Uint8Array.of(7))
    // The whole block around the message.
    expect(toHex(new Uint8Array(padded.buffer).subarray(16))).toBe(`000107${'23'.repeat(17)}`)
  })

  test('the recipient reads what was sent, with its own secret and the key in the header', () => {
    const body = encryptClientMessage(secret, message, { clientVersion: 4, dhKey: sender.publicKey })
    const envelope = decode(clientEnvelope, body)
    expect(envelope.clientVersion).toBe(4)
    if (!envelope.dhKey) throw new Error('expected a key')
    expect(decryptClientMessage(dh(recipient, envelope.dhKey), envelope)).toEqual(message)
  })

  test('nonces are random unless given', () => {
    const nonces = [1, 2].map(() => {
      const body = encryptClientMessage(secret, message, { clientVersion: 4, dhKey: null })
      return toHex(decode(clientEnvelope, body).nonce)
    })
    expect(nonces[0]).not.toBe(nonces[1])
  })

  test('the longest message fits, one byte more does not', () => {
    const seal = (length: number) =>
      sealClientBody(secret, { clientVersion: 4, dhKey: null }, 16000, (w) => w.raw(new Uint8Array(length)))
    expect(openClientBody(secret, decode(clientEnvelope, seal(15998)))).toEqual(new Uint8Array(15998))
    expect(() => seal(15999)).toThrow(expect.objectContaining({ name: 'RequestError', code: 'LARGE' }))
  })

  const body = encryptClientMessage(secret, message, { clientVersion: 4, dhKey: null, nonce })

  test('with any byte of the nonce, tag or text changed it does not decrypt', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: body.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = body.with(at, (body[at] ?? 0) ^ change)
        expect(() => decryptClientMessage(secret, decode(clientEnvelope, changed))).toThrow(
          expect.objectContaining({ name: 'PeerError', code: 'A_CRYPTO' }),
        )
      }),
    )
  })

  test('with another secret, and cut short, it does not decrypt', () => {
    const envelope = decode(clientEnvelope, body)
    const crypto = expect.objectContaining({ code: 'A_CRYPTO' })
    expect(() => decryptClientMessage(new Uint8Array(32), envelope)).toThrow(crypto)
    for (const length of [0, 15, 16, 1000]) {
      const cut = { ...envelope, encBody: envelope.encBody.subarray(0, length) }
      expect(() => decryptClientMessage(secret, cut)).toThrow(crypto)
    }
  })

  test('a message that was encrypted well and says nothing is A_MESSAGE', () => {
    const sealed = sealClientBody(secret, { clientVersion: 4, dhKey: null }, 64, (w) => w.word('X'))
    expect(() => decryptClientMessage(secret, decode(clientEnvelope, sealed))).toThrow(
      expect.objectContaining({ code: 'A_MESSAGE' }),
    )
  })

  test('random plaintexts give a message or a PeerError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (plaintext) => {
        const sealed = sealClientBody(secret, { clientVersion: 4, dhKey: null, nonce }, 64, (w) => w.raw(plaintext))
        try {
          decryptClientMessage(secret, decode(clientEnvelope, sealed))
        } catch (error) {
          expect(error).toBeInstanceOf(PeerError)
        }
      }),
    )
  })
})
