import { type PrivateAuthKey, PrivateKey, randomBytes } from '@smpkit/crypto'
import { describe, expect, test } from 'vitest'
import { type AuthorizedCommand, authorize, checkAuthorization, checkCommand } from './authorization.js'
import type { Command } from './commands.js'
import { cmd } from './error-type.js'
import { receiveCommand } from './receive.js'
import type { ClientSession, ServerSession, ServiceRole } from './session.js'
import { type SmpVersion, smpVersions } from './versions.js'

function sessions(version: SmpVersion = smpVersions.max, role: ServiceRole | null = null) {
  const sessionId = randomBytes(32)
  const serverKey = PrivateKey.generate('x25519')
  const serviceKey = PrivateKey.generate('ed25519')
  const service = role && { role, serviceId: randomBytes(24), certHash: randomBytes(32) }
  const client: ClientSession = {
    version,
    sessionId,
    serverKey: serverKey.publicKey,
    sessionSecret: randomBytes(32),
    service: service && { ...service, sessionKey: serviceKey },
  }
  const server: ServerSession = {
    version,
    sessionId,
    sessionKey: serverKey,
    sessionSecret: null,
    proxyServer: false,
    service: service && { ...service, sessionKey: serviceKey.publicKey },
  }
  return { client, server }
}

function send(
  client: ClientSession,
  server: ServerSession,
  command: Command,
  key: PrivateAuthKey | null,
  entityId = randomBytes(24),
) {
  const { transmission } = authorize(client, { corrId: randomBytes(24), entityId, command, key })
  const received = receiveCommand(server, transmission)
  if ('error' in received) throw new Error(`refused: ${received.error.code}`)
  return received
}

const keys = ['ed25519', 'ed448', 'x25519'] as const

describe.each(keys)('a command authorized with %s', (algorithm) => {
  const key: PrivateAuthKey = PrivateKey.generate(algorithm)
  const { client, server } = sessions()

  test('is accepted with its key, in this session, as it was sent', () => {
    const received = send(client, server, { tag: 'SUB' }, key)
    expect(checkCommand(server, received, key.publicKey)).toBeNull()
  })

  test('is refused with another key of the same kind, with keys of other kinds, and without a key', () => {
    const received = send(client, server, { tag: 'SUB' }, key)
    for (const other of keys) {
      expect(checkAuthorization(server, received, PrivateKey.generate(other).publicKey)).toBe(false)
    }
    expect(checkAuthorization(server, received, undefined)).toBe(false)
  })

  test('is refused in another session, for another entity, for another command', () => {
    const received = send(client, server, { tag: 'SUB' }, key)
    const other = sessions().server
    const elsewhere = send({ ...client, sessionId: other.sessionId }, server, { tag: 'SUB' }, key)
    expect(checkAuthorization(server, elsewhere, key.publicKey)).toBe(false)
    for (const command of [{ tag: 'SUB' }, { tag: 'DEL' }] as const) {
      const fresh = send(client, server, command, key)
      const forged: AuthorizedCommand = { ...fresh, authorization: received.authorization }
      expect(checkAuthorization(server, forged, key.publicKey)).toBe(false)
    }
  })
})

test('in a service session NSUB carries both authorizations, and each is needed', () => {
  const { client, server } = sessions(smpVersions.max, 'notifier')
  const key = PrivateKey.generate('ed25519')
  const received = send(client, server, { tag: 'NSUB' }, key)
  expect(checkCommand(server, received, key.publicKey)).toBeNull()
  expect(checkCommand({ ...server, service: null }, received, key.publicKey)).toEqual({ code: 'SERVICE' })
  const unsigned = send({ ...client, service: null }, server, { tag: 'NSUB' }, key)
  expect(checkCommand(server, unsigned, key.publicKey)).toEqual({ code: 'SERVICE' })
  expect(checkCommand(server, send(client, server, { tag: 'SUB' }, key), key.publicKey)).toEqual(cmd('PROHIBITED'))
})

test('NSUBS is signed by the service alone, for its own id', () => {
  const { client, server } = sessions(smpVersions.max, 'notifier')
  const command: Command = { tag: 'NSUBS', count: 0n, idsHash: new Uint8Array(16) }
  expect(checkCommand(server, send(client, server, command, null, client.service?.serviceId), undefined)).toBeNull()
  expect(checkCommand(server, send(client, server, command, null), undefined)).toEqual({ code: 'SERVICE' })
})

test('below version 16 there is no slot for a service signature', () => {
  const key = PrivateKey.generate('ed25519')
  const sizes = [14, 15, 16, 20].map((version) => {
    const { client } = sessions(version as SmpVersion)
    return authorize(client, { corrId: randomBytes(24), entityId: randomBytes(24), command: { tag: 'SUB' }, key })
      .transmission.length
  })
  expect(sizes).toEqual([118, 118, 119, 119])
})
