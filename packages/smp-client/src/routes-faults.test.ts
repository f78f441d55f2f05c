import { PrivateKey, randomBytes, signKey } from '@smpkit/crypto'
import { type ErrorType, type MessageOf, smpVersions } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { createServerIdentity } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import { SmpPool } from './pool.js'
import { createRoutes, type RoutesOptions } from './routes.js'
import { FakeNetwork } from './testing/fake-network.js'
import type { FakePeer } from './testing/fake-server.js'
import { ManualClock } from './testing/manual-clock.js'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const options = { policy: 'unknown', fallback: 'prohibit', random: () => 0 } as const
const lget = { command: { tag: 'LGET' }, entityId: randomBytes(24) } as const

describe('a route over a proxy that says anything', () => {
  const identity = createServerIdentity()
  const address = (name: string): ServerAddress => ({
    hosts: [{ type: 'domain', text: name }],
    port: '',
    keyHash: identity.fingerprint,
  })
  const proxy: ServerAddress = { ...address('proxy.example'), keyHash: randomBytes(32) }

  function pkey(): MessageOf<'PKEY'> {
    return {
      tag: 'PKEY',
      sessionId: randomBytes(32),
      versionRange: smpVersions,
      certChain: [...identity.certChain],
      signedKey: signKey(identity.privateKey, PrivateKey.generate('x25519').publicKey),
    }
  }

  /** `PRXY` and `PFWD` are answered with the errors given; direct commands with `ERR AUTH`. */
  function setUp(answers: { prxy?: ErrorType; pfwd?: ErrorType } = {}, more: Partial<RoutesOptions> = {}) {
    const network = new FakeNetwork()
    const clock = new ManualClock()
    const { prxy, pfwd = { code: 'AUTH' } } = answers
    network.handler = ({ command }) => {
      if (command.tag === 'PRXY') return prxy ? { tag: 'ERR', error: prxy } : pkey()
      return { tag: 'ERR', error: command.tag === 'PFWD' ? pfwd : { code: 'AUTH' } }
    }
    const pool = new SmpPool({ connect: network.connect, clock })
    cleanUps.push(() => pool.close())
    const routes = createRoutes({ ...options, fallback: 'allow', pool, servers: [proxy], clock, ...more })
    const tags = () => network.peers.flatMap((peer: FakePeer) => peer.commands.map(({ command }) => command.tag))
    return { network, routes, tags, clock }
  }

  const broker = (inner: object) => ({ code: 'PROXY', inner: { code: 'BROKER', inner } }) as ErrorType
  const failed = { code: 'NETWORK', inner: { code: 'FAILED' } }
  const transport = (code: string) => broker({ code: 'TRANSPORT', inner: { code } })

  it.each([
    ['NETWORK', true, broker(failed)],
    ['TIMEOUT', true, broker({ code: 'TIMEOUT' })],
    ['HOST', true, broker({ code: 'HOST' })],
    ['another version', true, transport('VERSION')],
    ['a relay without key', false, transport('NO_AUTH')],
    ['no service', false, broker({ code: 'NO_SERVICE' })],
    ['no session', false, { code: 'PROXY', inner: { code: 'NO_SESSION' } } as ErrorType],
    ['a fault of its own', false, { code: 'INTERNAL' } as ErrorType],
  ])('that is without relay for %s: direct instead: %s', async (_, falls, prxy) => {
    const { routes, tags } = setUp({ prxy })
    await expect(routes.route(address('relay.example')).request(lget)).rejects.toMatchObject({
      from: falls ? 'server' : 'proxy',
    })
    expect(tags()).toEqual(falls ? ['PRXY', 'LGET'] : ['PRXY'])
  })

  it.each([
    ['NETWORK', broker(failed)],
    ['TIMEOUT', broker({ code: 'TIMEOUT' })],
    ['HOST', broker({ code: 'HOST' })],
  ])('never sends a command again that the relay may have got: %s', async (_, pfwd) => {
    const { routes, tags } = setUp({ pfwd })
    await expect(routes.route(address('relay.example')).request(lget)).rejects.toMatchObject({ from: 'proxy' })
    expect(tags()).toEqual(['PRXY', 'PFWD'])
  })

  it('never takes another way because the relay is not the one of the address', async () => {
    const { routes, tags } = setUp()
    const other = { ...address('relay.example'), keyHash: randomBytes(32) }
    await expect(routes.route(other).request(lget)).rejects.toMatchObject({ code: 'RELAY' })
    expect(tags()).toEqual(['PRXY'])
  })

  it('is not taken directly when it is given up, and costs others nothing', async () => {
    const { network, routes, tags } = setUp()
    const route = routes.route(address('relay.example'))
    const controller = new AbortController()
    const aborted = route.request(lget, { signal: controller.signal })
    const patient = route.request(lget)
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(patient).rejects.toMatchObject({ code: 'AUTH', from: 'proxy' })
    await expect(route.request(lget)).rejects.toMatchObject({ code: 'AUTH' })
    expect(tags()).toEqual(['PRXY', 'PFWD', 'PFWD'])
    expect(network.attempts).toBe(1)
  })

  it('keeps so many relays, those used last', async () => {
    const { routes, tags } = setUp({}, { maxRelays: 2 })
    const names = ['a', 'b', 'a', 'c', 'a', 'b']
    for (const name of names)
      await routes
        .route(address(`${name}.example`))
        .request(lget)
        .catch(() => {})
    expect(tags().filter((tag) => tag === 'PRXY')).toHaveLength(4)
    expect(tags().filter((tag) => tag === 'PFWD')).toHaveLength(6)
  })

  it('forgets relays that are not used for ten minutes', async () => {
    const { routes, tags, clock } = setUp()
    const ask = (name: string) =>
      routes
        .route(address(name))
        .request(lget)
        .catch(() => {})
    await ask('a.example')
    await clock.advance(599_999)
    await ask('a.example')
    expect(tags()).toEqual(['PRXY', 'PFWD', 'PFWD'])
    await clock.advance(600_000)
    await ask('a.example')
    expect(tags()).toEqual(['PRXY', 'PFWD', 'PFWD', 'PRXY', 'PFWD'])
  })
})
