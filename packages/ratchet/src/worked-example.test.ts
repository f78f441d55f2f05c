// The worked example of spec 10.10, computed in both roles.
import { dh, PrivateKey, sha256 } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { decrypt } from './decrypt.js'
import { encryptBody, encryptHeader } from './encrypt.js'
import { chainKdf } from './kdf.js'
import { paramsOf, type RatchetKeys } from './keys.js'
import { securityCode, startReceiving, startSending } from './start.js'
import { toHex } from './testing/hex.js'
import { noRandom, pooledRandom } from './testing/kem-pool.js'

const key = (byte: number) => PrivateKey.fromRaw('x448', new Uint8Array(56).fill(byte))
const [r1, r2, s1, s2, d] = [key(1), key(2), key(3), key(4), key(5)]
const initiatorKeys: RatchetKeys = { key1: r1, key2: r2, kem: null }

function start(version: number) {
  const joinersKeys = [s1, s2, d]
  const random = { ...noRandom, x448: () => joinersKeys.shift() ?? noRandom.x448() }
  const { params, state } = startSending(paramsOf(initiatorKeys, version), { pqSupport: false }, random)
  return { params, joiner: state, initiator: startReceiving(initiatorKeys, params, { pqSupport: false }) }
}

const hello = new TextEncoder().encode('hello')

describe('X3DH', () => {
  it('has the public keys', () => {
    expect([r1, r2, s1, s2, d].map(({ publicKey }) => toHex(publicKey.toRaw()))).toEqual([
      '12fe76ea6aedec7a6735e5c863a795485cfebac3b8c1cdb4ccb24be3ad627a65cd64551e46df8d9536c239a237c79ea117282611d40f23dd',
      'cfdac27c91531d7308cc8e2150389c1e0a7ea3af70886d0822524695b5d3e1c0b0f47a3c5eab09326c0fa7daad8ccfe0d27bd0e334046a1b',
      '01607d320b0e06a9b78556752a0e7efa7e119cfe0f95c53b9cd7b24ebddae67d41e0eaa95ea759758aff66f0067a88f48bf632a8b1898d48',
      'c5e7950c48fe2ed3c48c246cfae6b3e5244bc1e25d652098de69cb0f4eadc1d74534d3a6264aeda84c2fb7abb45d8d42977752e286904bb0',
      '4057db3e7e9dd0a005b371655e7a93508f92610c94492a42f81f910809876745b6c97062f407b6f2654452403b0e80fd3a688334e72e7876',
    ])
  })

  it('has the DH secrets, the same on both sides', () => {
    const ofJoiner = [dh(s2, r1.publicKey), dh(s1, r2.publicKey), dh(s2, r2.publicKey)]
    expect(ofJoiner.map(toHex)).toEqual([
      '5f53e4820d83d2d83defe1afac2669379d5e5392b1cc0efae3f19fa85c964e9099f3cd1f587c886b5e37bec9256431f0a818b701c77c8654',
      '7def9b2ce093d328274ad5acade56435d19bcc40c3b231dff140dae495d7e15bf4fced2ccc6f1ee1e3ce3f67ccc9ac6db4b35f3dabf68968',
      '5b28e7baee15b19815e235a03eee1054a6c608fdd0aa5c07cfabf5e728e7530b1ff6f5f4e6d88cc26410da54429ce8a2584bbb669443fb32',
    ])
    expect([dh(r1, s2.publicKey), dh(r2, s1.publicKey), dh(r2, s2.publicKey)]).toEqual(ofJoiner)
  })

  it('gives both sides their keys', () => {
    const { joiner, initiator } = start(3)
    const headerKey = 'd6e4c6d2a689a068967093d0c75c0da1d1e9444d25b87b8c5c399110e9dc42db'
    const nextHeaderKey = '1456c59f5ff3d9a7099c1a3b996311bb5ca536b43c30c68372e202e56e46c137'
    expect(toHex(initiator.nextReceiveHeaderKey)).toBe(headerKey)
    expect(toHex(initiator.nextSendHeaderKey)).toBe(nextHeaderKey)
    expect(toHex(initiator.rootKey)).toBe('1deb185e0959d1efd552712cc9e9c1ca68d83d2ee3d9d44fa57729cf0e45b7de')
    expect(joiner.send && toHex(joiner.send.headerKey)).toBe(headerKey)
    expect(toHex(joiner.nextReceiveHeaderKey)).toBe(nextHeaderKey)
    const code = 'd20847b3fcac8e647587df68d0c657e824dd441356d6ef158bdebe03ea468b95'
    expect([joiner, initiator].map((state) => toHex(securityCode(state)))).toEqual([code, code])
  })
})

it('the joiner begins with its root, chain and header keys', () => {
  const { joiner } = start(3)
  expect(toHex(joiner.rootKey)).toBe('fb4cc44d6624e611971b72ca03cc0677bb5fc160ffec1ead92feef3933a3291d')
  expect(toHex(joiner.nextSendHeaderKey)).toBe('5b082a591ddb45568d6817a329085ec377cb6278a2bdbc696b51bbddca174b9d')
  const chainKey = joiner.send?.chainKey ?? new Uint8Array(0)
  expect(toHex(chainKey)).toBe('7d39165f1e117c2eac5d5e46086c2958d4b48c8d59a2d4a0bfdbdf516205b6cd')
  expect(Object.fromEntries(Object.entries(chainKdf(chainKey)).map(([name, bytes]) => [name, toHex(bytes)]))).toEqual({
    chainKey: 'ce36d0c6f94a022270842ba9eb9a51749e463f3526fe4a56d7eb5c0c34e501fb',
    messageKey: '8f6c298f0eeb380d1f9cbf4a6e4eb9e11bceb861747c55b0d15590307b528054',
    messageIv: '9b46e64634fcce98167a5681ed75ac1f',
    headerIv: '2af18c96a0048399111ec4313534ca2a',
  })
})

describe.each([
  {
    version: 2,
    lengths: [123, 15980],
    begin: '00022af18c96a0048399111ec4313534ca2adbf888f10cd2ac14edd34b60105898eb58b7e785c1e5',
    encHeader: 'e22c293ef4f60de1d9a43aed4ac5afd8d4f91a9b3ae18cb98b002d74a14f015c',
    message: '0b0897aa1a679c6bbb8e97631ba1ed1f42726254a56e203f9f5874cf7e2c0d08',
  },
  {
    version: 3,
    lengths: [124, 15982],
    begin: '00032af18c96a0048399111ec4313534ca2aa45ab31ee1293e65d6f7959a3a7abf8b0058b7f885c1',
    encHeader: 'a5f5c540419a9d6a5b3cb61cd3c44d610fd22f6f3d440264a6465b84d63ef764',
    message: '2789dff294bd0e1a1caae23c8dab696f582219458a7d87e8cfd8d2d525da44f5',
  },
])('the first message of version $version', ({ version, ...expected }) => {
  const { joiner, initiator } = start(version)
  const { key: messageKey } = encryptHeader(joiner)
  const message = encryptBody(messageKey, hello, 15840)

  it('is the same byte for byte', () => {
    expect([messageKey.encHeader.length, message.length]).toEqual(expected.lengths)
    expect(toHex(messageKey.encHeader.subarray(0, 40))).toBe(expected.begin)
    expect(toHex(sha256(messageKey.encHeader))).toBe(expected.encHeader)
    expect(toHex(sha256(message))).toBe(expected.message)
  })

  it('is decrypted by the initiator', () => {
    expect(decrypt(initiator, [], message, pooledRandom)).toMatchObject({ plaintext: hello })
  })
})
