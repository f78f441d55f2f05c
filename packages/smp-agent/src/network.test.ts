import type { ServerAddress } from '@smpkit/smp-commands/address'
import { type SmpServer, type SmpServerOptions, startSmpServer } from '@smpkit/smp-server'
import { connectSmp, connectThroughSocks } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import type { SendingPolicy } from './network.js'
import { serverToText } from './queues.js'
import { startSocks } from './testing/socks.js'
import { bytes, type User, type UserOptions, useUsers } from './testing/users.js'

const servers: SmpServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

/** Every name leads here. */
const lookup = async () => ['127.0.0.1']
const quick = {
  pool: { reconnect: { firstDelay: 20, maxDelay: 100 } },
  retry: { fast: { first: 20, growAfter: 1000, max: 100 } },
}
const users = useUsers(() => ({ servers: [], ...quick }))
const info = bytes('info')

interface Named {
  readonly server: SmpServer
  readonly address: ServerAddress
}

const host = (text: string) => ({ type: 'domain', text }) as const

/** A server with a name: by their hosts servers are told apart. */
async function start(name: string, options: SmpServerOptions = {}): Promise<Named> {
  const server = await startSmpServer({ ...options, proxy: { connect: { lookup }, ...options.proxy } })
  servers.push(server)
  return { server, address: { ...server.address, hosts: [host(`${name}.test`)] } }
}

/** A user with own servers, and where his agent has connected to: host and user id. */
async function userOn(own: readonly Named[], options: Partial<UserOptions> = {}) {
  const connected = new Set<string>()
  const user = await users.create({
    servers: own.map(({ address }) => serverToText(address)),
    random: () => 0,
    connect: (address, how) => {
      connected.add(`${address.hosts[0]?.text} ${how.userId}`.trim())
      return connectSmp(address, { ...how, lookup })
    },
    ...options,
  })
  return { user, connected }
}

/** `guest` joins an invitation of `host`, by its short link or the full one, and sends a message. */
async function meet(host: User, guest: User, { short = true, userId = '' } = {}): Promise<void> {
  const { connection, link, shortLink } = await host.agent.createInvitation({ short })
  const joined = await guest.agent.join(shortLink ?? link, { info, userId })
  await host.taken('confirmation')
  await host.agent.allow(connection, info)
  await guest.taken('info')
  await guest.taken('connected')
  await host.taken('connected')
  await guest.agent.send(joined, bytes('hi'))
  expect((await host.taken('message')).body).toEqual(bytes('hi'))
  await guest.taken('sent')
}

describe('what we send to a server of others', () => {
  it.each([
    ['the default', undefined, ['ours.test']],
    ['unknown', { policy: 'unknown', fallback: 'prohibit' }, ['ours.test']],
    ['always', { policy: 'always' }, ['ours.test']],
    ['never', { policy: 'never' }, ['ours.test', 'theirs.test']],
  ] as const)('goes by policy: %s', async (_, proxy, expected) => {
    const [ours, theirs] = [await start('ours'), await start('theirs')]
    const { user: alice } = await userOn([theirs], { proxy: { policy: 'never' } })
    const { user: bob, connected } = await userOn([ours], proxy && { proxy })
    await meet(alice, bob)
    await meet(alice, bob, { short: false })
    const { shortLink } = await alice.agent.createAddress({ short: true })
    await bob.agent.join(shortLink ?? '', { info })
    await alice.taken('request')
    expect([...connected].sort()).toEqual(expected)
    expect(ours.server.statistics().relays).toBe(expected.length === 1 ? 1 : 0)
  })

  const noProxy = { proxy: { allowAddress: () => false } }

  it.each([
    ['the default', undefined],
    ['allow', { fallback: 'allow' }],
  ] as const)('goes directly where no proxy reaches it: %s', async (_, proxy) => {
    const [ours, theirs] = [await start('ours', noProxy), await start('theirs')]
    const { user: alice } = await userOn([theirs], { proxy: { policy: 'never' } })
    const { user: bob, connected } = await userOn([ours], proxy && { proxy })
    await meet(alice, bob)
    expect([...connected].sort()).toEqual(['ours.test', 'theirs.test'])
  })

  it('does not go directly where that is prohibited', async () => {
    const [ours, theirs] = [await start('ours', noProxy), await start('theirs')]
    const { user: alice } = await userOn([theirs], { proxy: { policy: 'never' } })
    const { user: bob, connected } = await userOn([ours], { proxy: { fallback: 'prohibit' } })
    const { shortLink } = await alice.agent.createInvitation({ short: true })
    await expect(bob.agent.join(shortLink ?? '', { info })).rejects.toMatchObject({ code: 'PROXY' })
    expect([...connected]).not.toContain('theirs.test')
  })

  it('goes through connections of each user of his own', async () => {
    const [ours, theirs] = [await start('ours'), await start('theirs')]
    const { user: alice } = await userOn([theirs], { proxy: { policy: 'never' } })
    const { user: bob, connected } = await userOn([ours])
    for (const userId of ['work', 'home']) await meet(alice, bob, { userId })
    expect([...connected].sort()).toEqual(['ours.test home', 'ours.test work'])
  })
})

describe('a server of ours', () => {
  it.each<[string, SendingPolicy]>([
    ['unknown', {}],
    ['unknown and nothing direct', { fallback: 'prohibit' }],
    ['always', { policy: 'always', fallback: 'prohibit' }],
  ])('is reached by the hosts that we know, whatever others a link adds: %s', async (_, proxy) => {
    const ours = await start('ours')
    const more = { ...ours.address, hosts: [host('evil.test'), ...ours.address.hosts] }
    const { user: alice } = await userOn([{ ...ours, address: more }])
    const { user: bob, connected } = await userOn([ours], { proxy })
    await meet(alice, bob)
    expect([...connected]).toEqual(['ours.test'])
  })

  it('sends to another of ours with the policy always', async () => {
    const [first, second] = [await start('first'), await start('second')]
    const { user: alice } = await userOn([first])
    const { user: bob } = await userOn([first, second], { proxy: { policy: 'always' } })
    await meet(alice, bob)
    expect(second.server.statistics().relays).toBe(1)
  })
})

describe('the queue for a reply', () => {
  it('is made on another server than the peer’s, if there is one', async () => {
    const [first, second] = [await start('first'), await start('second')]
    const { user: alice } = await userOn([first])
    const { user: bob } = await userOn([first, second], { proxy: { policy: 'never' } })
    await meet(alice, bob)
    expect(second.server.statistics().queues).toBe(1)
  })

  it('cannot be made without servers', async () => {
    const { user } = await userOn([])
    await expect(user.agent.createInvitation()).rejects.toMatchObject({ name: 'RequestError', code: 'NO_SERVER' })
  })
})

it('through a SOCKS proxy nothing goes directly, and users have names of their own there', async () => {
  const socks = await startSocks()
  const [ours, theirs] = [await start('ours'), await start('theirs')]
  const { user: alice } = await userOn([theirs], { proxy: { policy: 'never' } })
  const connect = connectThroughSocks({ host: '127.0.0.1', port: socks.port, isolation: 'user' })
  const { user: bob } = await userOn([ours], { connect, proxy: { policy: 'never' } })
  for (const userId of ['work', 'home']) await meet(alice, bob, { userId })
  expect(socks.requests.map(({ host }) => host).sort()).toEqual([
    'ours.test',
    'ours.test',
    'theirs.test',
    'theirs.test',
  ])
  const namesOf = (name: string) => socks.requests.filter(({ host }) => host === name).map(({ user }) => user)
  expect(new Set(namesOf('ours.test')).size).toBe(2)
  expect(new Set(namesOf('theirs.test'))).toEqual(new Set(namesOf('ours.test')))
  await bob.stop()
  socks.stop()
})
