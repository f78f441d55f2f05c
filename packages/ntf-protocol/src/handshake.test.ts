import {
  createCertificate,
  fingerprint,
  PrivateKey,
  PublicKey,
  randomBytes,
  type SigningAlgorithm,
  signKey,
} from '@smpkit/crypto'
import { encode, toHex } from '@smpkit/encoding'
import { HandshakeError } from '@smpkit/smp-commands'
import { describe, expect, test } from 'vitest'
import { clientHandshake, type NtfClientHandshakeInput, verifyServerKey } from './client-handshake.js'
import { ntfClientHello, ntfServerHello } from './hellos.js'
import { type NtfServerHandshakeInput, serverHandshake } from './server-handshake.js'
import { bytesOf, vectors } from './testing/vectors.js'
import { ntfVersions } from './versions.js'

type Verifying = Record<'leafKey' | 'signedKey', string>

test.each(vectors<Verifying>('ntf-handshake', 'verifyKey'))(
  'vector %s',
  (_, { in: { leafKey, signedKey }, out, error }) => {
    const key = PublicKey.fromDer(bytesOf(leafKey)) as PublicKey<SigningAlgorithm>
    if (error) return expect(() => verifyServerKey(key, bytesOf(signedKey))).toThrow(/^expected/)
    expect({ sessionKey: toHex(verifyServerKey(key, bytesOf(signedKey)).toDer()) }).toEqual(out)
  },
)

/** A server with its two certificates. */
function serverOf(algorithm: SigningAlgorithm) {
  const identityKey = PrivateKey.generate(algorithm)
  const leafPrivateKey = PrivateKey.generate(algorithm)
  const identity = createCertificate({
    subject: 'identity',
    subjectKey: identityKey.publicKey,
    signingKey: identityKey,
    ca: true,
  })
  const leaf = createCertificate({
    subject: 'leaf',
    issuer: 'identity',
    subjectKey: leafPrivateKey.publicKey,
    signingKey: identityKey,
    ca: false,
  })
  const input: NtfServerHandshakeInput = {
    alpn: true,
    sessionId: randomBytes(32),
    leafPrivateKey,
    sessionPrivateKey: PrivateKey.generate('x25519'),
    keyHash: fingerprint(identity),
    versionRange: ntfVersions,
  }
  return { input, tlsPeerChain: [leaf, identity] }
}

const { input: server, tlsPeerChain } = serverOf('ed25519')

/** The client's end with a server that is as it should be, but for what is changed. */
function client(changes: Partial<NtfClientHandshakeInput> = {}, from: Partial<NtfServerHandshakeInput> = {}) {
  return clientHandshake({
    sessionId: server.sessionId,
    serverHello: serverHandshake({ ...server, ...from }).serverHello,
    tlsPeerChain,
    keyHash: server.keyHash,
    versionRange: ntfVersions,
    ...changes,
  })
}

const failing = (code: HandshakeError['code']) => expect.objectContaining({ name: 'HandshakeError', code })

describe.each(['ed25519', 'ed448'] as const)('both ends with an %s identity', (algorithm) => {
  const { input, tlsPeerChain } = serverOf(algorithm)

  test.each([
    [{ min: 1, max: 3 }, { min: 1, max: 3 }, 3],
    [{ min: 1, max: 2 }, { min: 1, max: 3 }, 2],
    [{ min: 1, max: 1 }, { min: 1, max: 3 }, 1],
    [{ min: 2, max: 9 }, { min: 2, max: 3 }, 3],
  ])('agree on the version: a client of %o and a server of %o', (ours, theirs, version) => {
    const { sessionId, keyHash } = input
    const end = serverHandshake({ ...input, versionRange: theirs })
    const { serverHello } = end
    const { clientHello, session } = clientHandshake({
      sessionId,
      serverHello,
      tlsPeerChain,
      keyHash,
      versionRange: ours,
    })
    const accepted = end.accept(clientHello)
    expect([session.version, accepted.version]).toEqual([version, version])
    expect(accepted.sessionId).toEqual(session.sessionId)
    // Version 1 has no use for the key.
    expect(session.serverKey?.equals(accepted.sessionKey.publicKey)).toBe(version === 1 ? undefined : true)
  })
})

test('without ALPN a server offers version 1 alone, without a key, whatever its range is', () => {
  for (const versionRange of [ntfVersions, { min: 2, max: 3 }]) {
    const end = serverHandshake({ ...server, versionRange, alpn: false })
    expect(end.serverHello.length).toBe(37)
    const { clientHello, session } = client({ serverHello: end.serverHello })
    expect(session).toEqual({ version: 1, sessionId: server.sessionId, serverKey: null })
    expect(end.accept(clientHello).version).toBe(1)
    const other = encode(ntfClientHello, { version: 2, keyHash: server.keyHash })
    expect(() => end.accept(other)).toThrow(failing('VERSION'))
  }
})

test('a client goes no further with another session id', () => {
  expect(() => client({ sessionId: randomBytes(32) })).toThrow(failing('SESSION'))
  expect(() => client({}, { sessionId: new Uint8Array(0) })).toThrow(failing('SESSION'))
})

test('a client goes no further without a common version, and says both ranges', () => {
  const hello = {
    versionRange: { min: 4, max: 9 },
    sessionId: server.sessionId,
    signedKey: signedBy(server.leafPrivateKey),
  }
  expect(() => client({ serverHello: encode(ntfServerHello, hello) })).toThrow(/we speak 1-3, the server 4-9/)
  expect(() => client({ versionRange: { min: 3, max: 3 } }, { versionRange: { min: 1, max: 2 } })).toThrow(
    failing('VERSION'),
  )
  // A range beyond what this package knows does not make it speak it.
  expect(() => client({ versionRange: { min: 4, max: 9 }, serverHello: encode(ntfServerHello, hello) })).toThrow(
    failing('VERSION'),
  )
})

test('a client goes no further with a key that the TLS certificate did not sign, or of another kind', () => {
  expect(() => client({}, { leafPrivateKey: PrivateKey.generate('ed25519') })).toThrow(failing('BAD_AUTH'))
  expect(() => client({}, { leafPrivateKey: PrivateKey.generate('ed448') })).toThrow(failing('BAD_AUTH'))
  expect(() => client({ tlsPeerChain: [...tlsPeerChain].reverse() })).toThrow(failing('BAD_AUTH'))
  expect(() => client({ tlsPeerChain: [] })).toThrow(failing('BAD_AUTH'))
  expect(() => client({ tlsPeerChain: [randomBytes(100)] })).toThrow(failing('BAD_AUTH'))
  for (const key of [PrivateKey.generate('ed25519').publicKey, PrivateKey.generate('x448').publicKey]) {
    const signedKey = signKey(server.leafPrivateKey, key)
    const hello = { versionRange: ntfVersions, sessionId: server.sessionId, signedKey }
    expect(() => client({ serverHello: encode(ntfServerHello, hello) })).toThrow(failing('BAD_AUTH'))
  }
})

test('a client goes no further with a hello that is none, or that is cut', () => {
  const { serverHello } = serverHandshake(server)
  for (let length = 0; length < serverHello.length; length++) {
    expect(() => client({ serverHello: serverHello.subarray(0, length) })).toThrow(failing('PARSE'))
  }
})

test('a server goes no further with another fingerprint, version or anything that is no hello', () => {
  const end = serverHandshake(server)
  const { keyHash } = server
  const hello = (version: number, hash: Uint8Array) => encode(ntfClientHello, { version, keyHash: hash })
  expect(end.accept(hello(3, keyHash)).version).toBe(3)
  expect(() => end.accept(hello(3, randomBytes(32)))).toThrow(failing('IDENTITY'))
  expect(() => end.accept(hello(3, keyHash.subarray(0, 31)))).toThrow(failing('IDENTITY'))
  expect(() => end.accept(hello(3, new Uint8Array(0)))).toThrow(failing('IDENTITY'))
  for (const version of [0, 4, 0xffff]) expect(() => end.accept(hello(version, keyHash))).toThrow(failing('VERSION'))
  for (let length = 0; length < 35; length++) {
    expect(() => end.accept(hello(3, keyHash).subarray(0, length))).toThrow(HandshakeError)
  }
})

test('messages of errors have neither keys nor ids in them', () => {
  const secrets = [server.keyHash, server.sessionId].map(toHex)
  for (const run of [
    () => client({ sessionId: randomBytes(32) }),
    () => serverHandshake(server).accept(randomBytes(35)),
  ]) {
    try {
      run()
    } catch (error) {
      for (const secret of secrets) expect(String(error)).not.toContain(secret.slice(0, 8))
    }
  }
  expect.assertions(4)
})

const signedBy = (signer: PrivateKey<SigningAlgorithm>) => signKey(signer, server.sessionPrivateKey.publicKey)
