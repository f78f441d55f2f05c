import { DecodeError, EncodeError } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { authenticate, authenticatorLength, verifyAuthenticator } from './authenticator.js'
import { BlockChain, blockChains } from './block-chain.js'
import { box, boxPadded, openBox, openBoxPadded } from './box.js'
import { randomBytes } from './hash.js'
import { PrivateKey, PublicKey } from './keys.js'
import { fromHex, toHex } from './testing/vectors.js'

const secret = randomBytes(32)
const nonce = randomBytes(24)
const decryptError = expect.objectContaining({ name: 'CryptoError', code: 'DECRYPT', temporary: false })
const lengthError = expect.objectContaining({ name: 'CryptoError', code: 'LENGTH' })

describe('box', () => {
  it('applies HSalsa20 to symmetric keys too (05 §26)', () => {
    const boxed = boxPadded(new Uint8Array(32).fill(0x0d), new Uint8Array(24).fill(0x0e), fromHex('616263'), 8)
    expect(toHex(boxed)).toBe('5771a523a79b1401ad8d62757c224f03b3c9f5d8d1aaa644')
  })

  it('opens to the message and leaves the box as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (message) => {
        const boxed = box(secret, nonce, message)
        const before = boxed.slice()
        expect(openBox(secret, nonce, boxed)).toStrictEqual(message)
        expect(boxed).toStrictEqual(before)
        const padded = boxPadded(secret, nonce, message, 502)
        expect(padded.length).toBe(518)
        expect(openBoxPadded(secret, nonce, padded)).toStrictEqual(message)
      }),
    )
  })

  it('does not open when it is cut, changed, or made with another secret or nonce', () => {
    const boxed = box(secret, nonce, randomBytes(40))
    for (let length = 0; length < boxed.length; length++) {
      expect(() => openBox(secret, nonce, boxed.subarray(0, length))).toThrow(decryptError)
    }
    expect(() => openBox(randomBytes(32), nonce, boxed)).toThrow(decryptError)
    expect(() => openBox(secret, randomBytes(24), boxed)).toThrow(decryptError)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
        expect(() => openBox(secret, nonce, random)).toThrow(decryptError)
      }),
    )
  })

  it('tells padding that does not fit from a wrong tag', () => {
    expect(() => openBoxPadded(secret, nonce, box(secret, nonce, Uint8Array.of(0, 2, 1)))).toThrow(DecodeError)
    expect(() => boxPadded(secret, nonce, new Uint8Array(7), 8)).toThrow(EncodeError)
  })

  it('takes only secrets of 32 and nonces of 24 bytes', () => {
    expect(() => box(new Uint8Array(31), nonce, new Uint8Array(1))).toThrow(lengthError)
    expect(() => box(secret, new Uint8Array(25), new Uint8Array(1))).toThrow(lengthError)
    expect(() => openBox(new Uint8Array(33), nonce, new Uint8Array(20))).toThrow(lengthError)
    expect(() => openBox(secret, new Uint8Array(23), new Uint8Array(20))).toThrow(lengthError)
  })
})

describe('authenticator', () => {
  const [queue, server] = [PrivateKey.generate('x25519'), PrivateKey.generate('x25519')]

  it('is verified by the other end and nobody else', () => {
    const message = randomBytes(100)
    const authenticator = authenticate(queue, server.publicKey, nonce, message)
    expect(authenticator.length).toBe(authenticatorLength)
    expect(verifyAuthenticator(queue.publicKey, server, nonce, message, authenticator)).toBe(true)
    const other = PrivateKey.generate('x25519')
    expect(verifyAuthenticator(other.publicKey, server, nonce, message, authenticator)).toBe(false)
    expect(verifyAuthenticator(queue.publicKey, other, nonce, message, authenticator)).toBe(false)
  })

  it('of a queue key of low order is false for every input, not an error', () => {
    const zero = PublicKey.fromRaw('x25519', new Uint8Array(32))
    expect(verifyAuthenticator(zero, server, nonce, new Uint8Array(5), randomBytes(80))).toBe(false)
    // What a zero secret would make of it.
    const forged = box(new Uint8Array(32), nonce, randomBytes(64))
    expect(verifyAuthenticator(zero, server, nonce, new Uint8Array(5), forged)).toBe(false)
  })
})

describe('block chain', () => {
  const ends = () => [blockChains(nonce, secret), blockChains(nonce, secret)] as const

  it('takes blocks in order, once, in its own direction', () => {
    const [client, server] = ends()
    const [first, second] = [new Uint8Array(3).fill(1), new Uint8Array(110).fill(2)]
    const blocks = [client.clientToServer.seal(first, 128), client.clientToServer.seal(second, 128)] as const
    expect(() => server.serverToClient.open(blocks[0])).toThrow(decryptError)
    expect(server.clientToServer.open(blocks[0])).toStrictEqual(first)
    expect(server.clientToServer.openInPlace(blocks[1])).toStrictEqual(second)
    expect(() => server.clientToServer.open(blocks[1])).toThrow(decryptError)
  })

  it('moves on when a block does not open and when a payload does not fit', () => {
    const [client, server] = ends()
    client.clientToServer.seal(new Uint8Array(1), 64)
    expect(() => server.clientToServer.open(randomBytes(64))).toThrow(decryptError)
    expect(() => client.clientToServer.seal(new Uint8Array(47), 64)).toThrow(EncodeError)
    expect(() => server.clientToServer.openInPlace(new Uint8Array(3))).toThrow(decryptError)
    const payload = new Uint8Array(46).fill(5)
    expect(server.clientToServer.open(client.clientToServer.seal(payload, 64))).toStrictEqual(payload)
  })

  it('seals into a block that was used before as into a new one', () => {
    const [a, b] = ends()
    const block = new Uint8Array(64).fill(0xff)
    for (const length of [46, 0, 20]) {
      const payload = randomBytes(length)
      a.clientToServer.sealInto(block, payload)
      expect(block).toStrictEqual(b.clientToServer.seal(payload, 64))
    }
  })

  it('keeps a copy of its key', () => {
    const key = randomBytes(32)
    const [a, b] = [new BlockChain(key), new BlockChain(key.slice())]
    key.fill(0)
    expect(a.seal(nonce, 64)).toStrictEqual(b.seal(nonce, 64))
    expect(() => new BlockChain(new Uint8Array(31))).toThrow(lengthError)
  })
})
