import { createServerIdentity, SmpTransportError } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import { connectNtf } from './connect-ntf.js'
import { NtfSessionClient } from './session-client.js'
import { cleanUp, cleanUpLater } from './testing/cleanup.js'
import { startServer } from './testing/ntf-server.js'
import { block, bytes, errorOf, honestHello, startTls } from './testing/sockets.js'

afterEach(cleanUp)

describe('a client', () => {
  it.each(['ed25519', 'ed448'] as const)('agrees on version 3 and a key with a server of %s', async (algorithm) => {
    const { address, peers } = await startServer(undefined, { identity: createServerIdentity({ algorithm }) })
    const connection = await connectNtf(address)
    cleanUpLater(() => connection.close())
    await expect.poll(() => peers).toHaveLength(1)
    const server = peers[0]?.connection.session
    expect(connection.session).toMatchObject({ version: 3, sessionId: server?.sessionId })
    expect(connection.session.sessionId).toHaveLength(32)
    expect(connection.session.serverKey?.equals(server?.sessionKey.publicKey as never)).toBe(true)
  })

  it.each([
    [1, { versionRange: { min: 1, max: 1 } }, {}],
    [2, { versionRange: { min: 2, max: 2 } }, {}],
    [2, {}, { versionRange: { min: 1, max: 2 } }],
    [1, { alpn: false }, {}],
    [3, { versionRange: { min: 3, max: 9 } }, {}],
  ])('speaks version %s with %j to a server with %j', async (version, client, server) => {
    const { address, peers } = await startServer(undefined, server)
    const session = new NtfSessionClient(await connectNtf(address, client))
    cleanUpLater(() => session.close())
    expect(session.session.version).toBe(version)
    expect(session.session.serverKey === null).toBe(version === 1)
    expect(await session.request({ command: { tag: 'PING' }, key: null })).toEqual({ tag: 'PONG' })
    expect(peers[0]?.connection.session.version).toBe(version)
  })

  it('offers ALPN ntf/1 alone and no name of the server', async () => {
    const seen: unknown[] = []
    const address = await startTls((socket) => {
      seen.push(socket.alpnProtocol, (socket as { servername?: string | false }).servername)
      socket.write(honestHello(socket))
    })
    await (await connectNtf(address)).close()
    expect(seen).toEqual(['ntf/1', false])
  })

  it('goes to no server of another fingerprint', async () => {
    const { address, errors } = await startServer()
    expect(await errorOf(connectNtf({ ...address, keyHash: bytes(32) }))).toMatchObject({ code: 'IDENTITY' })
    await expect.poll(() => errors).toHaveLength(1)
  })

  it('refuses versions that the server does not speak', async () => {
    const { address } = await startServer(undefined, { versionRange: { min: 1, max: 2 } })
    const error = await errorOf(connectNtf(address, { versionRange: { min: 3, max: 3 } }))
    expect(error).toMatchObject({ code: 'HANDSHAKE', temporary: false, cause: { code: 'VERSION' } })
    const withoutAlpn = await errorOf(connectNtf(address, { versionRange: { min: 2, max: 3 }, alpn: false }))
    expect(withoutAlpn).toMatchObject({ code: 'HANDSHAKE', cause: { code: 'VERSION' } })
  })

  it.each([
    ['another session id', 'SESSION', (socket) => honestHello(socket, { sessionId: bytes(32) })],
    ['no common version', 'VERSION', (socket) => honestHello(socket, { versionRange: { min: 4, max: 9 } })],
    ['a changed key', 'BAD_AUTH', (socket) => honestHello(socket).map((byte, i) => (i === 100 ? byte ^ 1 : byte))],
    ['garbage', 'PARSE', () => bytes(512, 7)],
    ['an empty block', 'PARSE', () => block(bytes(0))],
  ] as [string, string, (socket: Parameters<typeof honestHello>[0]) => Uint8Array][])(
    'sends nothing to a server with %s in its hello',
    async (_, code, write) => {
      let received = 0
      const address = await startTls((socket) => {
        socket.on('data', ({ length }) => {
          received += length
        })
        socket.write(write(socket))
      })
      expect(await errorOf(connectNtf(address))).toMatchObject({ code: 'HANDSHAKE', cause: { code } })
      expect(received).toBe(0)
    },
  )

  it('gives up a server that says nothing, and when it is told to', async () => {
    const address = await startTls(() => {})
    const error = await errorOf(connectNtf(address, { handshakeTimeout: 50 }))
    expect(error).toBeInstanceOf(SmpTransportError)
    expect(error).toMatchObject({ code: 'TIMEOUT' })
    const controller = new AbortController()
    const connecting = errorOf(connectNtf(address, { signal: controller.signal }))
    controller.abort()
    expect(await connecting).toMatchObject({ code: 'ABORTED' })
  })
})
