import { type Host, parseHost } from '@smpkit/smp-commands/address'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import { hostsToTry, targetsOf } from './targets.js'
import { addressOf, at, cleanUp, errorOf, startServer } from './testing/fixtures.js'
import { startSocks, through } from './testing/socks-server.js'

afterEach(cleanUp)

const onion: Host = { type: 'onion', text: `${'abcdefg2'.repeat(7)}.onion` }

describe('hosts behind a SOCKS proxy', () => {
  const domain = parseHost('smp.example')

  it.each([
    [undefined, [onion.text, 'smp.example']],
    ['prefer', [onion.text, 'smp.example']],
    ['require', [onion.text]],
    ['never', ['smp.example']],
  ] as const)('with onion: %s are tried in the order of %s', async (mode, expected) => {
    const server = await startSocks({ route: () => ({ refuse: 4 }) })
    const error = await errorOf(connectSmp(at(addressOf(1), domain, onion), through(server, { onion: mode })))
    expect(server.requests.map(({ host }) => host)).toEqual(expected)
    expect(error).toMatchObject({ code: 'NETWORK', temporary: true })
  })

  it.each([
    ['require', domain],
    ['never', onion],
  ] as const)('with onion: %s of the other kind alone are no hosts', async (mode, host) => {
    const server = await startSocks()
    const error = await errorOf(connectSmp(at(addressOf(1), host), through(server, { onion: mode })))
    expect(error).toMatchObject({ code: 'HOST', temporary: false })
    expect(server.requests).toEqual([])
  })

  it('that the proxy does not reach give way to the next', async () => {
    const { address } = await startServer()
    const route = ({ host }: { host: string }) => (host === onion.text ? { refuse: 5 } : { port: Number(address.port) })
    const client = await connectSmp(at(address, domain, onion), through(await startSocks({ route })))
    await client.close()
  })

  it('are asked about where they are addresses, and names are refused', async () => {
    const { address } = await startServer()
    const server = await startSocks({ route: () => ({ port: Number(address.port) }) })
    const asked: string[] = []
    const allowAddress = (ip: string) => {
      asked.push(ip)
      return ip === '192.0.2.2'
    }
    const options = { ...through(server, { onion: 'never' }), allowAddress } as const
    const refused = at(address, domain, parseHost('127.0.0.1'), parseHost('[::ffff:10.0.0.1]'))
    const error = await errorOf(connectSmp(refused, options))
    expect(error).toMatchObject({ code: 'REFUSED_ADDRESS', temporary: false })
    expect(server.requests).toEqual([])
    await (await connectSmp(at(address, domain, parseHost('192.0.2.2')), options)).close()
    expect(asked).toEqual(['127.0.0.1', '10.0.0.1', '192.0.2.2'])
    // What is refused for ever does not hide what may work later.
    const unreachable = await startSocks({ route: () => ({ refuse: 4 }) })
    const both = connectSmp(at(address, domain, onion), { ...through(unreachable), allowAddress })
    const codes = [{ code: 'NETWORK' }, { code: 'REFUSED_ADDRESS' }]
    expect(await errorOf(both)).toMatchObject({ code: 'NETWORK', temporary: true, errors: codes })
    // An onion service is at no address.
    await (await connectSmp(at(address, onion), { ...through(server), allowAddress })).close()
    expect(asked).toHaveLength(3)
  })
})

describe('hosts without a proxy', () => {
  const name = parseHost('smp.example')

  it('are those that are not onion', () => {
    expect(hostsToTry([onion, name], {})).toEqual([name])
  })

  const lookup = async () => ['192.0.2.1', '::ffff:7f00:1']

  it('are looked up', async () => {
    expect(await targetsOf(name, { lookup })).toEqual(['192.0.2.1', '127.0.0.1'])
  })

  it('are no names again', async () => {
    const error = await errorOf(targetsOf(name, { lookup: async () => ['192.0.2.1', 'smp.example'] }))
    expect(error).toMatchObject({ code: 'NETWORK' })
  })

  it('with one address that is not allowed are refused altogether', async () => {
    for (const refused of await lookup()) {
      const usual = refused.replace('::ffff:7f00:1', '127.0.0.1')
      const error = await errorOf(targetsOf(name, { lookup, allowAddress: (ip) => ip !== usual }))
      expect(error).toMatchObject({ code: 'REFUSED_ADDRESS', temporary: false })
    }
  })

  it.each(['ABC.ONION', 'abc.onion.', 'a.b.Onion'])(
    'that are onion however written are not looked up: %s',
    async (text) => {
      const asked: string[] = []
      const lookup = async (host: string) => {
        asked.push(host)
        return ['192.0.2.1']
      }
      expect(await errorOf(targetsOf({ type: 'domain', text }, { lookup }))).toMatchObject({ code: 'HOST' })
      expect(asked).toEqual([])
    },
  )
})

describe('a name whose addresses change', () => {
  it('is looked up once for a connection, which goes to what was allowed', async () => {
    const { address } = await startServer()
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1', '127.0.0.2']]
    let asked = 0
    const lookup = async () => answers[asked++] ?? []
    const options = { lookup, allowAddress: (ip: string) => ip === '127.0.0.1' }
    const connect = () => connectSmp(at(address, parseHost('smp.example')), options)
    await (await connect()).close()
    expect(asked).toBe(1)
    expect(await errorOf(connect())).toMatchObject({ code: 'REFUSED_ADDRESS', temporary: false })
    expect(await errorOf(connect())).toMatchObject({ code: 'REFUSED_ADDRESS', temporary: false })
    expect(asked).toBe(3)
  })
})
