import { CryptoError, dh, PrivateKey, PublicKey, sha256 } from '@smpkit/crypto'
import { EncodeError, equalBytes, toHex } from '@smpkit/encoding'
import { describe, expect, test } from 'vitest'
import {
  openResponse,
  openTransmission,
  sealResponse,
  sealTransmission,
  unwrapResponse,
  unwrapTransmission,
  wrapResponse,
  wrapTransmission,
} from './proxy-layers.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface Layer {
  length?: number
  sha256?: string
  prefix?: string
  bytes?: string
}

interface Case {
  id: string
  in: Record<
    'relayPublicKey' | 'commandPrivateKey' | 'proxyRelayPublicKey' | 'proxyPrivateKey' | 'corrId' | 'proxyCorrId',
    string
  > & { version: number }
  out: Record<'commandSecret' | 'proxySecret' | 'commandKey' | 'inner' | 'responseInner', string> &
    Record<'encTransmission' | 'encFwdTransmission' | 'encResponse' | 'encFwdResponse', Layer>
}

const privateKey = (der: string) => PrivateKey.fromDer(bytesOf(der)) as PrivateKey<'x25519'>
const publicKey = (der: string) => PublicKey.fromDer(bytesOf(der)) as PublicKey<'x25519'>

function expectLayer(actual: Uint8Array, expected: Layer): void {
  if (expected.bytes !== undefined) return void expect(toHex(actual)).toBe(expected.bytes)
  expect({ length: actual.length, sha256: toHex(sha256(actual)) }).toMatchObject({
    length: expected.length,
    sha256: expected.sha256,
  })
}

describe('smp/crypto-proxy.json', () => {
  test.each(vectors<Case>('crypto-proxy'))('%s', (_, { in: input, out }) => {
    const commandPrivateKey = privateKey(input.commandPrivateKey)
    const commandSecret = dh(commandPrivateKey, publicKey(input.relayPublicKey))
    const proxySecret = dh(privateKey(input.proxyPrivateKey), publicKey(input.proxyRelayPublicKey))
    expect([commandSecret, proxySecret].map(toHex)).toEqual([out.commandSecret, out.proxySecret])
    const [corrId, proxyCorrId] = [bytesOf(input.corrId), bytesOf(input.proxyCorrId)]

    const encTransmission = sealTransmission(commandSecret, corrId, bytesOf(out.inner))
    expectLayer(encTransmission, out.encTransmission)
    const fwd = { corrId, fwdVersion: input.version, commandKey: commandPrivateKey.publicKey, encTransmission }
    const encFwdTransmission = wrapTransmission(proxySecret, proxyCorrId, fwd)
    expectLayer(encFwdTransmission, out.encFwdTransmission)

    const { commandKey, ...unwrapped } = unwrapTransmission(proxySecret, proxyCorrId, encFwdTransmission)
    expect(unwrapped).toEqual({ corrId, fwdVersion: input.version, encTransmission })
    expect(toHex(commandKey.toDer())).toBe(out.commandKey)
    expect(toHex(openTransmission(commandSecret, corrId, unwrapped.encTransmission))).toBe(out.inner)

    const encResponse = sealResponse(commandSecret, corrId, bytesOf(out.responseInner))
    expectLayer(encResponse, out.encResponse)
    const encFwdResponse = wrapResponse(proxySecret, proxyCorrId, { corrId, encResponse })
    expectLayer(encFwdResponse, out.encFwdResponse)
    expect(unwrapResponse(proxySecret, proxyCorrId, encFwdResponse)).toEqual({ corrId, encResponse })
    expect(toHex(openResponse(commandSecret, corrId, encResponse))).toBe(out.responseInner)
  })
})

const secret = new Uint8Array(32).fill(1)
const corrId = Uint8Array.from({ length: 24 }, (_, i) => i)
const commandKey = PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(3)).publicKey

test('16224 bytes fit into a layer, one more does not', () => {
  for (const [seal, open] of [
    [sealTransmission, openTransmission],
    [sealResponse, openResponse],
  ] as const) {
    const inner = new Uint8Array(16224).fill(7)
    const sealed = seal(secret, corrId, inner)
    expect(sealed.length).toBe(16242)
    expect(equalBytes(open(secret, corrId, sealed), inner)).toBe(true)
    expect(() => seal(secret, corrId, new Uint8Array(16225))).toThrow(EncodeError)
  }
})

test('a command cannot be passed off as its response, nor for another command', () => {
  const sealed = sealTransmission(secret, corrId, Uint8Array.of(1))
  expect(() => openResponse(secret, corrId, sealed)).toThrow(CryptoError)
  expect(() => openTransmission(secret, corrId.with(0, 9), sealed)).toThrow(CryptoError)
  const fwd = { corrId, fwdVersion: 20, commandKey, encTransmission: sealed }
  expect(() => unwrapResponse(secret, corrId, wrapTransmission(secret, corrId, fwd))).toThrow(CryptoError)
})

test('what is no layer is refused with a typed error', () => {
  for (let length = 0; length < 60; length++) {
    expect(() => unwrapTransmission(secret, corrId, new Uint8Array(length))).toThrow(CryptoError)
  }
})
