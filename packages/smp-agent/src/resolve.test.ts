import { find } from '@smpkit/agent-store'
import { PrivateKey } from '@smpkit/crypto'
import type { Connect, LinkData, Requester } from '@smpkit/smp-client'
import { describe, expect, it } from 'vitest'
import { type ConnectionId, idFromText } from './connection-id.js'
import { linkToText, parseLink } from './link.js'
import { sealUserData, type UserLinkData } from './link-data.js'
import { credentialsOf } from './short-links.js'
import { useServer } from './testing/server.js'
import { bytes, text, type User, useUsers } from './testing/users.js'
import { agentVersions } from './versions.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))
const info = bytes('info')
const gone = { name: 'LinkError', code: 'GONE', temporary: false }

async function invite(userData = bytes('profile')) {
  const alice = await users.create()
  const { shortLink, ...created } = await alice.agent.createInvitation({ short: true, userData })
  if (!shortLink) throw new Error('expected a short link')
  return { ...created, alice, shortLink }
}

async function address(userData = bytes('profile')) {
  const owner = await users.create()
  const { shortLink, ...created } = await owner.agent.createAddress({ short: true, userData })
  if (!shortLink) throw new Error('expected a short link')
  return { ...created, owner, shortLink }
}

async function letIn(alice: User, connection: ConnectionId, guest: User): Promise<void> {
  await alice.taken('confirmation')
  await alice.agent.allow(connection, info)
  await guest.taken('info')
  await guest.taken('connected')
  await alice.taken('connected')
}

async function storedLinks(user: User) {
  const links = []
  for await (const page of user.store.pages('shortLinks')) links.push(...page)
  return links
}

describe('a one-time invitation', () => {
  it('is read again, and joined after a restart, by who read it first', async () => {
    const { alice, connection, shortLink } = await invite()
    const [bob, carol] = [await users.create(), await users.create()]
    const first = await bob.agent.resolve(shortLink)
    expect(first).toMatchObject({ link: { form: 'short', type: 'invitation' }, request: { type: 'invitation' } })
    expect(text(first.data?.user.userData ?? info)).toBe('profile')
    await bob.restart()
    expect(await bob.agent.resolve(` ${shortLink}\n`)).toEqual(first)
    await expect(carol.agent.resolve(shortLink)).rejects.toMatchObject({
      ...gone,
      message: expect.stringContaining('somebody has used the invitation'),
    })
    await expect(carol.agent.join(shortLink, { info })).rejects.toMatchObject(gone)
    await bob.restart()
    await bob.agent.join(shortLink, { info })
    expect(await storedLinks(bob)).toEqual([])
    await letIn(alice, connection, bob)
    await expect(bob.agent.resolve(shortLink)).rejects.toMatchObject(gone)
  })

  it('is joined with the request that was read, once', async () => {
    const { alice, connection, shortLink } = await invite()
    const bob = await users.create()
    const { request } = await bob.agent.resolve(shortLink)
    await bob.agent.join(request, { info })
    await letIn(alice, connection, bob)
    const again = await bob.agent.join(request, { info })
    expect(await bob.taken('failed')).toMatchObject({ connection: again, code: 'NOT_AVAILABLE' })
  })

  it('is joined by its full link as well, after the short one was read', async () => {
    const { alice, connection, link, shortLink } = await invite()
    const bob = await users.create()
    await bob.agent.resolve(shortLink)
    await bob.agent.join(link, { info })
    await letIn(alice, connection, bob)
  })

  it('is read twice at the same time', async () => {
    const { alice, connection, shortLink } = await invite()
    const bob = await users.create()
    const [first, second] = await Promise.all([bob.agent.resolve(shortLink), bob.agent.resolve(shortLink)])
    expect(second).toEqual(first)
    await bob.agent.join(shortLink, { info })
    await letIn(alice, connection, bob)
  })

  it('is still there for who mistyped its key first', async () => {
    const { alice, connection, shortLink } = await invite()
    const bob = await users.create()
    const link = parseLink(shortLink)
    if (link.form !== 'short') throw new Error('expected a short link')
    const mistyped = linkToText({ ...link, linkKey: new Uint8Array(32) })
    await expect(bob.agent.join(mistyped, { info })).rejects.toMatchObject({ name: 'PeerError', code: 'A_CRYPTO' })
    await bob.agent.join(shortLink, { info })
    await letIn(alice, connection, bob)
  })

  it('is joined after the answer to the first try was lost', async () => {
    const { alice, connection, shortLink } = await invite()
    let isLosing = true
    const bob = await users.create({
      route: (pool) => (to, userId) => ({
        request: async (request, options) => {
          const answer = await pool.server(to, userId).request(request, options)
          if (isLosing) throw Object.assign(new Error('lost'), { temporary: true })
          return answer
        },
      }),
    })
    await expect(bob.agent.join(shortLink, { info })).rejects.toMatchObject({ message: 'lost' })
    expect(await storedLinks(bob)).toMatchObject([{ senderId: new Uint8Array(0) }])
    isLosing = false
    await bob.agent.join(shortLink, { info })
    await letIn(alice, connection, bob)
  })

  it('that was used by its full link is gone', async () => {
    const { alice, connection, link, shortLink } = await invite()
    const [bob, carol] = [await users.create(), await users.create()]
    await bob.agent.join(link, { info })
    await letIn(alice, connection, bob)
    await expect(carol.agent.join(shortLink, { info })).rejects.toMatchObject(gone)
  })
})

describe('a contact address', () => {
  it('is read by anybody, and nothing is stored', async () => {
    const { shortLink } = await address()
    const [bob, carol] = [await users.create(), await users.create()]
    for (const user of [bob, carol, bob]) {
      const { link, data } = await user.agent.resolve(shortLink)
      expect(link).toMatchObject({ type: 'contact', contactType: 'address' })
      expect(data?.fixed.connReq.type).toBe('contact')
    }
    expect(await storedLinks(bob)).toEqual([])
  })

  it('that the server does not have is gone', async () => {
    const { shortLink } = await address()
    const bob = await users.create()
    const link = parseLink(shortLink)
    if (link.form !== 'short') throw new Error('expected a short link')
    const other = linkToText({ ...link, linkKey: new Uint8Array(32).fill(1) })
    await expect(bob.agent.resolve(other)).rejects.toMatchObject({
      ...gone,
      message: expect.stringContaining('the address was deleted'),
    })
  })
})

it('a full link is what it says', async () => {
  const bob = await users.create()
  const { link } = await bob.agent.createAddress()
  const resolved = await bob.agent.resolve(link)
  expect(resolved).toMatchObject({ link: { form: 'full', type: 'contact' }, request: { type: 'contact' }, data: null })
  expect(linkToText({ form: 'full', ...resolved.request })).toBe(link)
})

it('a server that cannot be reached may be reached later', async () => {
  const { shortLink } = await address()
  const bob = await users.create({
    connect: async () => {
      throw Object.assign(new Error('away'), { temporary: true })
    },
  })
  const expected = { name: 'SmpClientError', temporary: true }
  await expect(bob.agent.resolve(shortLink)).rejects.toMatchObject(expected)
  await expect(bob.agent.join(shortLink, { info })).rejects.toMatchObject(expected)
})

it('the caller may give up waiting', async () => {
  const { shortLink } = await address()
  const connect: Connect = (_, { signal }) =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  const bob = await users.create({ connect })
  const controller = new AbortController()
  const resolving = bob.agent.resolve(shortLink, { signal: controller.signal })
  const joining = bob.agent.join(shortLink, { info, signal: controller.signal })
  controller.abort()
  for (const waiting of [resolving, joining]) await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
})

/** A server that answers something else than it was given. */
const forging =
  (forge: (data: LinkData) => Partial<LinkData>) =>
  (pool: { server(...args: never[]): Requester }) =>
  (...args: unknown[]): Requester => ({
    request: async (request, options) => {
      const answer = await pool.server(...(args as never[])).request(request, options)
      return answer.tag === 'LNK' ? { ...answer, ...forge(answer) } : answer
    },
  })

describe('what the server answers', () => {
  const cut = (data: Uint8Array) => data.subarray(0, -1)
  const flipped = (data: Uint8Array, at: number) => data.map((byte, i) => (i === at ? byte ^ 1 : byte))

  const forgeries: [string, string, (data: LinkData) => Partial<LinkData>][] = [
    ['fixed data that were changed', 'A_CRYPTO', ({ fixedData }) => ({ fixedData: flipped(fixedData, 100) })],
    ['user data that were changed', 'A_CRYPTO', ({ userData }) => ({ userData: flipped(userData, 100) })],
    ['no fixed data', 'A_CRYPTO', () => ({ fixedData: new Uint8Array(0) })],
    ['user data that were cut', 'A_CRYPTO', ({ userData }) => ({ userData: cut(userData) })],
    ['user data as fixed data', 'A_LINK', ({ userData }) => ({ fixedData: userData })],
    ['another queue', 'A_LINK', ({ senderId }) => ({ senderId: flipped(senderId, 0) })],
  ]

  it.each(forgeries)('for an address: %s is refused as %s', async (_, code, forge) => {
    const { shortLink } = await address()
    const bob = await users.create({ route: forging(forge) })
    await expect(bob.agent.resolve(shortLink)).rejects.toMatchObject({ name: 'PeerError', code })
    await expect(bob.agent.join(shortLink, { info })).rejects.toMatchObject({ name: 'PeerError', code })
  })

  it.each(forgeries)('for an invitation: %s is refused as %s', async (_, code, forge) => {
    const { shortLink } = await invite()
    const bob = await users.create({ route: forging(forge) })
    await expect(bob.agent.join(shortLink, { info })).rejects.toMatchObject({ name: 'PeerError', code })
  })

  const user = (more: object = {}): UserLinkData => ({
    type: 'contact',
    agentVersions,
    direct: true,
    owners: [],
    relays: [],
    userData: bytes('forged'),
    ...more,
  })

  /** The address of an owner, answered with other user data. */
  async function withUserData(forge: (linkKey: Uint8Array, rootKey: PrivateKey<'ed25519'>) => Uint8Array) {
    const { owner, connection, shortLink } = await address()
    const connId = idFromText(connection)
    const { queues } = await owner.store.read({ queues: find('receiveQueues', 'byConnection', { connId }) })
    const credentials = queues[0] && credentialsOf(queues[0])
    if (!credentials) throw new Error('expected a short link')
    const { linkKey, linkSigningKey } = credentials
    const userData = forge(linkKey, PrivateKey.fromRaw('ed25519', linkSigningKey))
    const bob = await users.create({ route: forging(() => ({ userData })) })
    return { bob, shortLink }
  }

  it('user data of somebody else who has the link are refused', async () => {
    const key = PrivateKey.generate('ed25519')
    const { bob, shortLink } = await withUserData((linkKey) => sealUserData(linkKey, user(), key))
    await expect(bob.agent.join(shortLink, { info })).rejects.toMatchObject({ name: 'PeerError', code: 'A_LINK' })
  })

  it('an owner who is not authorized is refused', async () => {
    const key = PrivateKey.generate('ed25519')
    const owner = { ownerId: bytes('id'), ownerKey: key.publicKey, signature: new Uint8Array(64) }
    const { bob, shortLink } = await withUserData((linkKey) => sealUserData(linkKey, user({ owners: [owner] }), key))
    await expect(bob.agent.resolve(shortLink)).rejects.toMatchObject({
      code: 'A_LINK',
      message: expect.stringContaining('owner'),
    })
  })

  it('an address that lets nobody connect directly is read, and not joined', async () => {
    const { bob, shortLink } = await withUserData((linkKey, key) => sealUserData(linkKey, user({ direct: false }), key))
    expect((await bob.agent.resolve(shortLink)).data?.user).toMatchObject({ direct: false })
    await expect(bob.agent.join(shortLink, { info })).rejects.toMatchObject({ name: 'LinkError', code: 'TYPE' })
  })
})
