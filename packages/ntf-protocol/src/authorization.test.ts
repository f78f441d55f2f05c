import { isAuthKey, type PrivateAuthKey, PrivateKey, PublicKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { packBlock, parseAuthorization } from '@smpkit/smp-commands'
import { describe, expect, test } from 'vitest'
import { authorizeNtf, checkNtfAuthorization } from './authorization.js'
import { type NtfCommand, ntfCommandFormat } from './commands.js'
import { type ReceivedCommand, receiveCommands } from './receive.js'
import type { NtfClientEnd, NtfServerEnd } from './session.js'
import { endsOf, versions } from './testing/values.js'
import { bytesOf, vectors } from './testing/vectors.js'
import { has, type NtfVersion, ntfVersions } from './versions.js'

interface Signing {
  sessionId: string
  corrId: string
  entityId: string
  command: string
  privateKey: string | null
  serverSessionKey: string
}

/** In the vectors also version 1 has a key of the server. */
function clientOf(version: NtfVersion, input: Pick<Signing, 'sessionId' | 'serverSessionKey'>): NtfClientEnd {
  const serverKey = publicKeyOf(input.serverSessionKey)
  if (!serverKey.is('x25519')) throw new Error('expected an X25519 key')
  return { version, sessionId: bytesOf(input.sessionId), serverKey }
}

const publicKeyOf = (der: string) => PublicKey.fromDer(bytesOf(der))

test.each(vectors<Signing>('ntf-transmission', 'sign'))('vector %s', (_, { version, in: input, out }) => {
  const sent = authorizeNtf(clientOf(version, input), {
    corrId: bytesOf(input.corrId),
    entityId: bytesOf(input.entityId),
    command: ntfCommandFormat(version).read(bytesOf(input.command)),
    key: input.privateKey === null ? null : (PrivateKey.fromDer(bytesOf(input.privateKey)) as PrivateAuthKey),
  })
  expect({
    transmission: toHex(sent.transmission),
    authorized: toHex(sent.authorized),
    authorization: toHex(sent.authorization),
  }).toEqual(out)
})

type Verifying = Record<'publicKey' | 'serverSessionPrivateKey' | 'authorization' | 'authorized' | 'corrId', string>

test.each(vectors<Verifying>('ntf-transmission', 'verify'))('vector %s', (_, { in: input, out }) => {
  const sessionKey = PrivateKey.fromDer(bytesOf(input.serverSessionPrivateKey)) as PrivateKey<'x25519'>
  const authorization = parseAuthorization({ auth: bytesOf(input.authorization), serviceSignature: null }) ?? null
  const received = { corrId: bytesOf(input.corrId), authorized: bytesOf(input.authorized), authorization }
  const key = publicKeyOf(input.publicKey)
  expect({
    ok: checkNtfAuthorization({ sessionKey, version: ntfVersions.max }, received, isAuthKey(key) ? key : undefined),
  }).toEqual(out)
})

const algorithms = ['ed25519', 'ed448', 'x25519'] as const

function received(
  client: NtfClientEnd,
  server: NtfServerEnd,
  command: NtfCommand,
  key: PrivateAuthKey,
  entityId = randomBytes(24),
) {
  const { transmission } = authorizeNtf(client, { corrId: randomBytes(24), entityId, command, key })
  const content = has(client.version, 'batching') ? packBlock([transmission]) : transmission
  const [item] = receiveCommands(server, content) as [ReceivedCommand]
  if ('error' in item) throw new Error(`refused: ${item.error.code}`)
  return item
}

describe.each(algorithms)('a command authorized with %s', (algorithm) => {
  const key: PrivateAuthKey = PrivateKey.generate(algorithm)
  // Without a key of the server there are no authenticators.
  const speaking = versions.filter((version) => algorithm !== 'x25519' || has(version, 'sessionKey'))

  test.each(speaking)('is accepted with its key in version %i', (version) => {
    const { client, server } = endsOf(version)
    expect(checkNtfAuthorization(server, received(client, server, { tag: 'TCHK' }, key), key.publicKey)).toBe(true)
  })

  test('is refused with another key of the same kind, with keys of other kinds, and without a key', () => {
    const { client, server } = endsOf(ntfVersions.max)
    const item = received(client, server, { tag: 'TCHK' }, key)
    for (const other of algorithms) {
      expect(checkNtfAuthorization(server, item, PrivateKey.generate(other).publicKey)).toBe(false)
    }
    expect(checkNtfAuthorization(server, item, undefined)).toBe(false)
    expect(checkNtfAuthorization(server, { ...item, authorization: null }, key.publicKey)).toBe(false)
  })

  test('is refused in another session, for another entity, for another command', () => {
    const { client, server } = endsOf(ntfVersions.max)
    const entityId = randomBytes(24)
    const item = received(client, server, { tag: 'TCHK' }, key, entityId)
    const elsewhere = endsOf(ntfVersions.max, new Uint8Array(32).fill(9))
    const foreign = [
      received(elsewhere.client, elsewhere.server, { tag: 'TCHK' }, key, entityId),
      received(client, server, { tag: 'TCHK' }, key),
      received(client, server, { tag: 'TDEL' }, key, entityId),
    ]
    for (const { authorized, corrId } of foreign) {
      const forged = { authorized, corrId, authorization: item.authorization }
      expect(checkNtfAuthorization(server, forged, key.publicKey)).toBe(false)
    }
  })

  test('no bit of the authorization may change', () => {
    const { client, server } = endsOf(ntfVersions.max)
    const item = received(client, server, { tag: 'TCHK' }, key)
    const { kind, auth = new Uint8Array(0) } = item.authorization ?? {}
    if (!kind) throw new Error('expected an authorization')
    for (let at = 0; at < auth.length; at += 3) {
      const changed = auth.slice()
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      const forged = { ...item, authorization: { kind, auth: changed } }
      expect(checkNtfAuthorization(server, forged, key.publicKey)).toBe(false)
    }
  })
})

test('in version 1 there is no key of the server: an X25519 key cannot authorize', () => {
  const { client } = endsOf(ntfVersions.min)
  const sending = { corrId: randomBytes(24), entityId: randomBytes(24), command: { tag: 'TCHK' } } as const
  expect(() => authorizeNtf(client, { ...sending, key: PrivateKey.generate('x25519') })).toThrow(TypeError)
})

test('only version 1 sends the session id; the signature is the same', () => {
  const sending = { corrId: randomBytes(24), entityId: randomBytes(24), command: { tag: 'TCHK' } } as const
  const key = PrivateKey.generate('ed25519')
  const [first, second] = versions.map((version) => authorizeNtf(endsOf(version).client, { ...sending, key }))
  if (!first || !second) throw new Error('expected two')
  expect(first.authorization).toEqual(second.authorization)
  expect(first.transmission.length).toBe(second.transmission.length + 33)
})

test('an authenticator is refused in version 1, although its client has seen the key of the server', () => {
  const key = PrivateKey.generate('x25519')
  const { client, server } = endsOf(versions[0] as NtfVersion)
  const serverKey = server.sessionKey.publicKey
  const item = received({ ...client, serverKey }, server, { tag: 'TCHK' }, key)
  expect(checkNtfAuthorization(server, item, key.publicKey)).toBe(false)
})
