import { parseHost, type ServerAddress } from '@smpkit/smp-commands/address'
import { afterEach, describe, expect, it } from 'vitest'
import { connectThroughSocks, type IsolatingProxy } from './socks-isolation.js'
import { at as atHosts, cleanUp, startServer } from './testing/fixtures.js'
import { startSocks } from './testing/socks-server.js'

afterEach(cleanUp)

async function setUp(options: Partial<IsolatingProxy> = {}) {
  const { address } = await startServer()
  const proxy = await startSocks({ route: () => ({ port: Number(address.port) }) })
  const connect = connectThroughSocks({ host: '127.0.0.1', port: proxy.port, ...options })
  const at = (host: string): ServerAddress => atHosts(address, parseHost(host))
  const credentials = async (server: ServerAddress, userId?: string, via = connect) => {
    await (await via(server, { userId })).close()
    const { username = '', password = '' } = proxy.requests.at(-1) ?? {}
    return { username, password }
  }
  return { proxy, at, credentials }
}

describe('users behind a SOCKS proxy', () => {
  it('have user names of their own, the same for all their servers', async () => {
    const { at, credentials } = await setUp()
    const first = await credentials(at('a.example'), '1')
    const second = await credentials(at('a.example'), '2')
    const nobody = await credentials(at('a.example'))
    expect(new Set([first, second, nobody].map(({ username }) => username)).size).toBe(3)
    expect(await credentials(at('b.example'), '1')).toEqual(first)
    expect(first.password).not.toBe('')
  })

  it('have one for each server where servers are kept apart', async () => {
    const { at, credentials } = await setUp({ isolation: 'server' })
    const names = [
      await credentials(at('a.example'), '1'),
      await credentials(at('b.example'), '1'),
      await credentials(at('a.example'), '2'),
    ].map(({ username }) => username)
    expect(new Set(names).size).toBe(3)
    expect((await credentials(at('a.example'), '1')).username).toBe(names[0])
  })

  it('cannot be recognised after a restart', async () => {
    const { at, credentials, proxy } = await setUp()
    const restarted = connectThroughSocks({ host: '127.0.0.1', port: proxy.port })
    const before = await credentials(at('a.example'), '1')
    expect(await credentials(at('a.example'), '1', restarted)).not.toEqual(before)
  })

  it('keep the options of the proxy and of the connection', async () => {
    const { at, proxy } = await setUp()
    const connect = connectThroughSocks(
      { host: '127.0.0.1', port: proxy.port, onion: 'require' },
      { versionRange: { min: 14, max: 16 } },
    )
    await expect(connect(at('a.example'))).rejects.toMatchObject({ code: 'HOST' })
    const client = await connect(at(`${'a'.repeat(56)}.onion`), { userId: '1' })
    expect(client.session.version).toBe(16)
    await client.close()
    await expect(connect(at('a.onion'), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
