import { PrivateKey, randomBytes } from '@smpkit/crypto'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { connectSmp } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import { SmpPool } from './pool.js'
import { newQueue, type Queue } from './recipient.js'
import { createRoutes } from './routes.js'
import { secureAsSender, sendMessage } from './sender.js'
import { FakeNetwork } from './testing/fake-network.js'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const fast = { firstDelay: 20, maxDelay: 50 }

interface Named {
  readonly server: SmpServer
  readonly address: ServerAddress
}

/** Every name leads here. */
const lookup = async () => ['127.0.0.1']
let number = 0

/** A server with a name of its own: by their hosts servers are told apart. */
async function start(options: Parameters<typeof startSmpServer>[0] = {}): Promise<Named> {
  const server = await startSmpServer({ ...options, proxy: { connect: { lookup }, ...options.proxy } })
  cleanUps.push(() => server.stop())
  return { server, address: { ...server.address, hosts: [{ type: 'domain', text: `server-${++number}.test` }] } }
}

/** A pool over sockets that tells where it has connected to, and for whom. */
function realPool(): { pool: SmpPool; connected: string[]; of: (server: Named, userId?: string) => string } {
  const connected: string[] = []
  const pool = new SmpPool({
    reconnect: fast,
    connect: async (server, options) => {
      connected.push(`${server.hosts[0]?.text} ${options.userId}`)
      return connectSmp(server, { ...options, lookup })
    },
  })
  cleanUps.push(() => pool.close())
  return { pool, connected, of: ({ address }, userId = '') => `${address.hosts[0]?.text} ${userId}` }
}

/** A queue, and what has come to it; its recipient is not seen by the pool of the sender. */
async function inbox({ server }: Named): Promise<{ queue: Queue; received: string[] }> {
  const pool = new SmpPool({ reconnect: fast })
  cleanUps.push(() => pool.close())
  const queue = await newQueue(pool.server(server.address))
  const received: string[] = []
  void (async () => {
    for await (const message of pool.server(server.address).messages(queue)) {
      const content = message.open()
      if (!content.quota) received.push(new TextDecoder().decode(content.body))
      await message.ack()
    }
  })().catch(() => {})
  return { queue, received }
}

const bytes = (body: string) => new TextEncoder().encode(body)
const to = ({ senderId }: Pick<Queue, 'senderId'>) => ({ senderId, senderKey: null })
const options = { policy: 'unknown', fallback: 'prohibit', random: () => 0 } as const
const lget = { command: { tag: 'LGET' }, entityId: randomBytes(24) } as const

describe('a route by policy', () => {
  it.each(['always', 'unknown'] as const)('%s leads to a server of others through one of ours', async (policy) => {
    const [own, other, relay] = [await start(), await start(), await start()]
    const { queue, received } = await inbox(relay)
    const { pool, connected, of } = realPool()
    const routes = createRoutes({ ...options, pool, servers: [own.address, other.address], policy })
    const route = routes.route(relay.address)
    const senderKey = PrivateKey.generate('ed25519')
    await secureAsSender(route, queue.senderId, senderKey)
    await sendMessage(route, { ...queue, senderKey }, bytes('hidden'))
    await expect.poll(() => received).toEqual(['hidden'])
    expect(connected).toEqual([of(own)])
    expect([own, other].map((proxy) => proxy.server.statistics().relays)).toEqual([1, 0])
  })

  it.each([
    ['never', 1],
    ['unknown', 0],
  ] as const)('%s leads directly to server %i', async (policy, index) => {
    const servers = [await start(), await start()] as const
    const { queue, received } = await inbox(servers[index])
    const { pool, connected, of } = realPool()
    const routes = createRoutes({ ...options, pool, servers: [servers[0].address], policy })
    await sendMessage(routes.route(servers[index].address), to(queue), bytes('direct'))
    await expect.poll(() => received).toEqual(['direct'])
    expect(connected).toEqual([of(servers[index])])
  })

  it('always leads to a server of ours through another of ours', async () => {
    const [own, other] = [await start(), await start()]
    const { queue } = await inbox(own)
    const { pool, connected, of } = realPool()
    const routes = createRoutes({ ...options, pool, servers: [own.address, other.address], policy: 'always' })
    await sendMessage(routes.route(own.address), to(queue), bytes('x'))
    expect(connected).toEqual([of(other)])
    expect(other.server.statistics().relays).toBe(1)
  })

  it('always leads directly to our only server', async () => {
    const own = await start()
    const { queue } = await inbox(own)
    const { pool, connected, of } = realPool()
    const routes = createRoutes({ ...options, pool, servers: [own.address], policy: 'always' })
    await sendMessage(routes.route(own.address), to(queue), bytes('x'))
    expect(connected).toEqual([of(own)])
  })

  it('is kept for each user, with connections of their own', async () => {
    const [own, relay] = [await start(), await start()]
    const { queue } = await inbox(relay)
    const { pool, connected, of } = realPool()
    const routes = createRoutes({ ...options, pool, servers: [own.address] })
    for (const userId of ['1', '2', '1', '2']) {
      await sendMessage(routes.route(relay.address, userId), to(queue), bytes('x'))
    }
    expect(connected).toEqual([of(own, '1'), of(own, '2')])
  })

  it('gives the proxy its password', async () => {
    const [own, relay] = [await start({ password: 'secret' }), await start()]
    const { queue } = await inbox(relay)
    const { pool } = realPool()
    const known = createRoutes({ ...options, pool, servers: [{ ...own.address, password: 'secret' }] })
    await sendMessage(known.route(relay.address), to(queue), bytes('x'))
    // That is no trouble of a host.
    const unknown = createRoutes({ ...options, pool, servers: [own.address], fallback: 'allow' })
    await expect(sendMessage(unknown.route(relay.address), to(queue), bytes('x'))).rejects.toMatchObject({
      from: 'proxy',
      reply: { code: 'PROXY', inner: { code: 'BASIC_AUTH' } },
    })
  })

  it('answers errors of the server as the relay’s, or as the server’s', async () => {
    const [own, relay] = [await start(), await start()]
    const { pool } = realPool()
    const nowhere = { senderId: randomBytes(24) }
    const routes = createRoutes({ ...options, pool, servers: [own.address], fallback: 'allow' })
    const behind = sendMessage(routes.route(relay.address), to(nowhere), bytes('x'))
    await expect(behind).rejects.toMatchObject({ code: 'AUTH', from: 'relay' })
    const direct = sendMessage(routes.route(own.address), to(nowhere), bytes('x'))
    await expect(direct).rejects.toMatchObject({ code: 'AUTH', from: 'server' })
  })

  it('finds the relay again after the proxy lost it, and after we lost the proxy', async () => {
    const [own, relay] = [await start(), await start()]
    const { queue, received } = await inbox(relay)
    const { pool, connected, of } = realPool()
    const route = createRoutes({ ...options, pool, servers: [own.address] }).route(relay.address)
    await sendMessage(route, to(queue), bytes('1'))
    await relay.server.dropConnections()
    await expect.poll(() => own.server.statistics().relays).toBe(0)
    await sendMessage(route, to(queue), bytes('2'))
    await own.server.dropConnections()
    await expect.poll(() => pool.server(own.address).session).toBeUndefined()
    await sendMessage(route, to(queue), bytes('3'))
    await expect.poll(() => received).toEqual(['1', '2', '3'])
    expect(connected).toEqual([of(own), of(own)])
  })

  it('survives that the pool’s server was closed', async () => {
    const [own, relay] = [await start(), await start()]
    const { queue } = await inbox(relay)
    const { pool } = realPool()
    const route = createRoutes({ ...options, pool, servers: [own.address] }).route(relay.address)
    await sendMessage(route, to(queue), bytes('x'))
    await pool.server(own.address).close()
    await sendMessage(route, to(queue), bytes('x'))
  })
})

describe('a server is our own', () => {
  const domain = (text: string) => ({ type: 'domain', text }) as const
  const address = (...names: string[]): ServerAddress => ({
    hosts: names.map(domain),
    port: '',
    keyHash: randomBytes(32),
  })
  const own = [address('a.example', 'b.example'), address('c.example')]

  it.each([
    ['with some of our hosts', address('b.example'), true],
    ['with hosts of several', address('a.example', 'c.example'), true],
    ['at another port', { ...address('c.example'), port: '7' }, true],
    ['unless one host is of others', address('a.example', 'evil.example'), false],
    ['not by its key hash', { ...address('evil.example'), keyHash: own[0]?.keyHash ?? randomBytes(0) }, false],
  ])('%s', async (_, destination, isOwn) => {
    const network = new FakeNetwork()
    network.handler = () => ({ tag: 'ERR', error: { code: 'AUTH' } })
    const pool = new SmpPool({ connect: network.connect })
    const routes = createRoutes({ ...options, pool, servers: own })
    await routes
      .route(destination)
      .request(lget)
      .catch(() => {})
    expect(network.peer.commands[0]?.command.tag).toBe(isOwn ? 'LGET' : 'PRXY')
    await pool.close()
  })

  it.each([
    ['host', address('c.example', 'd.example')],
    ['key hash', { ...address('d.example'), keyHash: own[1]?.keyHash ?? randomBytes(0) }],
  ])('and no proxy of the destination with which it shares a %s', async (_, destination) => {
    const network = new FakeNetwork()
    network.handler = ({ command }) =>
      command.tag === 'LGET' ? { tag: 'ERR', error: { code: 'AUTH' } } : { tag: 'ERR', error: { code: 'INTERNAL' } }
    const pool = new SmpPool({ connect: network.connect })
    const only = { ...options, pool, servers: own.slice(1) }
    await expect(createRoutes(only).route(destination).request(lget)).rejects.toMatchObject({
      code: 'NO_PROXY',
      temporary: false,
    })
    expect(network.attempts).toBe(0)
    const allowing = createRoutes({ ...only, fallback: 'allow' })
    await expect(allowing.route(destination).request(lget)).rejects.toMatchObject({ code: 'AUTH', from: 'server' })
    await pool.close()
  })
})

describe('without a proxy', () => {
  it.each([
    ['allow', ['once'], undefined],
    ['prohibit', [], { code: 'CONNECT', temporary: true }],
  ] as const)('that can be reached, fallback %s gets %j through', async (fallback, expected, error) => {
    const [own, relay] = [await start(), await start()]
    const { queue, received } = await inbox(relay)
    await own.server.stop()
    const { pool, connected, of } = realPool()
    const routes = createRoutes({ ...options, pool, servers: [own.address], fallback })
    const sending = sendMessage(routes.route(relay.address), to(queue), bytes('once'))
    if (error) await expect(sending).rejects.toMatchObject(error)
    else await sending
    expect(connected).toEqual(error ? [of(own)] : [of(own), of(relay)])
    // What comes directly later shows that nothing else is on its way.
    await sendMessage(pool.server(relay.address), to(queue), bytes('last'))
    await expect.poll(() => received).toEqual([...expected, 'last'])
  })

  it('that was lost meanwhile the next one is taken', async () => {
    const [own, other, relay] = [await start(), await start(), await start()]
    const { queue, received } = await inbox(relay)
    const { pool } = realPool()
    const route = createRoutes({ ...options, pool, servers: [own.address, other.address] }).route(relay.address)
    await sendMessage(route, to(queue), bytes('1'))
    await own.server.stop()
    await expect.poll(() => pool.server(own.address).session).toBeUndefined()
    await expect(sendMessage(route, to(queue), bytes('2'))).rejects.toMatchObject({ code: 'CONNECT' })
    await sendMessage(route, to(queue), bytes('3'))
    await expect.poll(() => received).toEqual(['1', '3'])
    expect(other.server.statistics().relays).toBe(1)
  })

  it('that reaches the relay, fallback decides', async () => {
    const [own, relay] = [await start({ proxy: { allowAddress: () => false } }), await start()]
    const { queue, received } = await inbox(relay)
    const { pool } = realPool()
    const strict = createRoutes({ ...options, pool, servers: [own.address] })
    await expect(sendMessage(strict.route(relay.address), to(queue), bytes('no'))).rejects.toMatchObject({
      from: 'proxy',
      reply: { inner: { code: 'BROKER', inner: { code: 'HOST' } } },
    })
    const allowing = createRoutes({ ...options, pool, servers: [own.address], fallback: 'allow' })
    await sendMessage(allowing.route(relay.address), to(queue), bytes('yes'))
    await expect.poll(() => received).toEqual(['yes'])
  })

  it('no way to an onion service leaves the proxy’s error, which may pass', async () => {
    const own = await start()
    const onion = { ...own.address, hosts: [{ type: 'onion', text: 'abc.onion' } as const], keyHash: randomBytes(32) }
    await own.server.stop()
    const { pool, connected } = realPool()
    const routes = createRoutes({ ...options, pool, servers: [own.address], fallback: 'allow' })
    await expect(routes.route(onion).request(lget)).rejects.toMatchObject({ code: 'CONNECT', temporary: true })
    expect(connected).toHaveLength(2)
  })
})
