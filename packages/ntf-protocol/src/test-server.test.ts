import { afterEach, expect, it } from 'vitest'
import { ntfAddressToText } from './address.js'
import type { NtfCommand } from './commands.js'
import { connectNtf } from './connect-ntf.js'
import { testNtfServer } from './test-server.js'
import { cleanUp } from './testing/cleanup.js'
import { ManualClock } from './testing/manual-clock.js'
import { type Answer, ok, startServer } from './testing/ntf-server.js'
import { bytes } from './testing/sockets.js'

afterEach(cleanUp)

/** Answers one command with an error. */
const failing =
  (tag: NtfCommand['tag']): Answer =>
  (one, peer) =>
    one.command.tag === tag ? { tag: 'ERR', error: { code: 'AUTH' } } : ok(one, peer)

it('registers a token to which nothing is pushed, and deletes it', async () => {
  const server = await startServer()
  expect(await testNtfServer(ntfAddressToText(server.address))).toBeUndefined()
  const [create, remove] = server.peers[0]?.commands ?? []
  expect(create?.command).toMatchObject({
    tag: 'TNEW',
    provider: 'AN',
    token: new TextEncoder().encode('test_ntf_token'),
  })
  expect(remove?.command).toEqual({ tag: 'TDEL' })
  expect(await server.peers[0]?.connection.closed).toBeUndefined()
})

it.each([
  ['createToken', 'TNEW'],
  ['deleteToken', 'TDEL'],
] as const)('tells that %s failed, and why', async (step, tag) => {
  const server = await startServer(failing(tag))
  const result = await testNtfServer(server.address)
  expect(result).toMatchObject({ step, error: { name: 'NtfReplyError', code: 'AUTH' } })
  await server.peers[0]?.connection.closed
})

it('tells that it cannot connect, and that it is another server', async () => {
  const { address, close } = await startServer()
  const other = await testNtfServer({ ...address, keyHash: bytes(32) })
  expect(other).toMatchObject({
    step: 'connect',
    error: { code: 'CONNECT', temporary: false, cause: { code: 'IDENTITY' } },
  })
  await close()
  const none = await testNtfServer(address)
  expect(none).toMatchObject({ step: 'connect', error: { code: 'CONNECT', temporary: true } })
})

it('tells that the connection does not end', async () => {
  const { address } = await startServer()
  const clock = new ManualClock()
  const results: unknown[] = []
  const closing = new Promise<void>((resolve) => {
    void testNtfServer(address, {
      clock,
      requestTimeout: 700,
      connect: async (...args) => {
        const connection = await connectNtf(...args)
        const close = connection.close.bind(connection)
        connection.close = () => {
          void close()
          resolve()
          return new Promise(() => {})
        }
        return connection
      },
    }).then((result) => results.push(result))
  })
  await closing
  await clock.advance(700)
  expect(results).toMatchObject([{ step: 'disconnect', error: { code: 'TIMEOUT' } }])
})

it('can be given up', async () => {
  const { address } = await startServer(() => undefined)
  const controller = new AbortController()
  const testing = testNtfServer(address, { signal: controller.signal })
  setTimeout(() => controller.abort(), 50)
  expect(await testing).toMatchObject({ error: { code: 'ABORTED' } })
})
