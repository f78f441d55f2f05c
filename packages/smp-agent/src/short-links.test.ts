import { find, type Row } from '@smpkit/agent-store'
import { startSmpServer } from '@smpkit/smp-server'
import { connectSmp } from '@smpkit/smp-transport'
import { describe, expect, it } from 'vitest'
import { type ConnectionId, idFromText } from './connection-id.js'
import { parseLink } from './link.js'
import { useServer } from './testing/server.js'
import { bytes, type Ends, text, type User, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))
const short = { short: true, userData: bytes('profile') } as const
const info = bytes('info')

/** The text of a link's user data, as this user sees it. */
const seen = async (user: User, link: string | null) => {
  const { data } = await user.agent.resolve(link ?? '')
  return data && text(data.user.userData)
}

async function queueOf(user: User, connection: ConnectionId): Promise<Row<'receiveQueues'>> {
  const connId = idFromText(connection)
  const { queues } = await user.store.read({ queues: find('receiveQueues', 'byConnection', { connId }) })
  const [queue] = queues
  if (!queue) throw new Error('expected a queue')
  return queue
}

/** `guest` joins an invitation of `host`; all events are acknowledged. */
async function connect(host: User, connection: ConnectionId, guest: User, link: string | null): Promise<Ends> {
  const joined = await guest.agent.join(link ?? '', { info })
  await host.taken('confirmation')
  await host.agent.allow(connection, info)
  await guest.taken('info')
  await guest.taken('connected')
  await host.taken('connected')
  return [connection, joined]
}

describe('a one-time invitation with a short link', () => {
  it('is joined by it, with the post-quantum key in it', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection, shortLink } = await alice.agent.createInvitation(short)
    expect(shortLink).toMatch(/^simplex:\/i#[\w-]{32}\/[\w-]{43}\?h=127\.0\.0\.1&p=\d+&c=[\w-]{43}$/)
    expect((await bob.agent.resolve(shortLink ?? '')).request).toMatchObject({ e2e: { kem: { type: 'proposed' } } })
    const [, joined] = await connect(alice, connection, bob, shortLink)
    await expect(alice.agent.setShortLink(connection, info)).rejects.toMatchObject({ code: 'PROHIBITED' })
    await bob.agent.send(joined, bytes('hi'))
    expect(await alice.taken('message')).toMatchObject({ pq: true, body: bytes('hi') })
  })

  it('is joined by its full link, which has no post-quantum key', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection, link } = await alice.agent.createInvitation(short)
    expect(parseLink(link)).toMatchObject({ form: 'full', type: 'invitation', e2e: { kem: null } })
    const [, joined] = await connect(alice, connection, bob, link)
    await bob.agent.send(joined, bytes('hi'))
    expect(text((await alice.taken('message')).body)).toBe('hi')
  })

  it('has no post-quantum key where the agent does not want it', async () => {
    const [alice, bob] = [await users.create({ pqSupport: false }), await users.create()]
    const { shortLink } = await alice.agent.createInvitation(short)
    const { request } = await bob.agent.resolve(shortLink ?? '')
    expect(request).toMatchObject({ type: 'invitation', e2e: { kem: null } })
  })

  it('can be made without user data, and shows them changed to who reads it later', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection, shortLink } = await alice.agent.createInvitation({ short: true })
    expect(await alice.agent.setShortLink(connection, bytes('new'))).toBe(shortLink)
    expect(await seen(bob, shortLink)).toBe('new')
  })

  it('that is deleted leads nowhere, and cannot be made again', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection, link, shortLink } = await alice.agent.createInvitation(short)
    await alice.agent.deleteShortLink(connection)
    await expect(bob.agent.resolve(shortLink ?? '')).rejects.toMatchObject({ name: 'LinkError', code: 'GONE' })
    await expect(alice.agent.setShortLink(connection, info)).rejects.toMatchObject({ code: 'PROHIBITED' })
    await connect(alice, connection, bob, link)
  })
})

describe('a contact address with a short link', () => {
  it('is the same behind both links, and asked at by the short one', async () => {
    const [owner, guest] = [await users.create(), await users.create()]
    const { connection, link, shortLink } = await owner.agent.createAddress({ ...short, clientData: '{"a":1}' })
    const resolved = await guest.agent.resolve(shortLink ?? '')
    expect(resolved.request).toEqual((await guest.agent.resolve(link)).request)
    expect(resolved.data?.user).toMatchObject({ type: 'contact', direct: true, userData: bytes('profile') })
    const asked = await guest.agent.join(shortLink ?? '', { info })
    const { requestId } = await owner.taken('request')
    const accepted = await owner.agent.accept(requestId, { info })
    await guest.taken('confirmation')
    await guest.agent.allow(asked, info)
    await owner.taken('info')
    await owner.taken('connected')
    await owner.agent.send(accepted, bytes('welcome'))
    await guest.taken('connected')
    expect(text((await guest.taken('message')).body)).toBe('welcome')
    expect(connection).not.toBe(accepted)
  })

  it('shows new user data to its readers, with fixed data of the same bytes', async () => {
    const [owner, guest] = [await users.create(), await users.create()]
    const { connection, shortLink } = await owner.agent.createAddress(short)
    const before = await queueOf(owner, connection)
    expect(await seen(guest, shortLink)).toBe('profile')
    await owner.restart()
    expect(await owner.agent.setShortLink(connection, bytes('new profile'))).toBe(shortLink)
    expect(await seen(guest, shortLink)).toBe('new profile')
    expect((await queueOf(owner, connection)).linkFixedData).toEqual(before.linkFixedData)
  })

  it('can get it later', async () => {
    const [owner, guest] = [await users.create(), await users.create()]
    const { connection, link, shortLink } = await owner.agent.createAddress()
    expect(shortLink).toBeNull()
    const added = await owner.agent.setShortLink(connection, bytes('later'))
    expect(await seen(guest, added)).toBe('later')
    expect((await guest.agent.resolve(added)).request).toEqual((await guest.agent.resolve(link)).request)
  })

  it('that is deleted leads nowhere, and the next one is another', async () => {
    const [owner, guest] = [await users.create(), await users.create()]
    const { connection, shortLink } = await owner.agent.createAddress(short)
    for (let i = 0; i < 2; i++) await owner.agent.deleteShortLink(connection)
    await expect(guest.agent.resolve(shortLink ?? '')).rejects.toMatchObject({ name: 'LinkError', code: 'GONE' })
    const next = await owner.agent.setShortLink(connection, bytes('next'))
    expect(next).not.toBe(shortLink)
    expect(await seen(guest, next)).toBe('next')
    await expect(guest.agent.resolve(shortLink ?? '')).rejects.toMatchObject({ code: 'GONE' })
  })

  it('is changed by one call at a time', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection } = await alice.agent.createAddress(short)
    const setAs = (text: string) => alice.agent.setShortLink(connection, bytes(text))
    const [, again] = await Promise.all([alice.agent.deleteShortLink(connection), setAs('again'), setAs('last')])
    expect((await alice.agent.links(connection)).shortLink).toBe(again)
    expect(await seen(bob, again)).toBe('last')
    await Promise.all([setAs('gone'), alice.agent.deleteShortLink(connection)])
    expect((await alice.agent.links(connection)).shortLink).toBeNull()
    await expect(bob.agent.resolve(again)).rejects.toMatchObject({ code: 'GONE' })
  })

  it('is the same link when the server was told and nobody heard it, or was not reached', async () => {
    const [own, guest] = [await startSmpServer(), await users.create()]
    let isAway = false
    const owner = await users.create({
      servers: [own.addressText],
      connect: async (address, options) => {
        if (isAway) throw Object.assign(new Error('away'), { temporary: true })
        return connectSmp(address, options)
      },
    })
    const { connection } = await owner.agent.createAddress()
    isAway = true
    await own.dropConnections()
    await expect.poll(() => own.statistics().connections).toBe(0)
    await expect(owner.agent.setShortLink(connection, info)).rejects.toMatchObject({ temporary: true })
    const { linkKey } = await queueOf(owner, connection)
    isAway = false
    await owner.restart()
    const added = await owner.agent.setShortLink(connection, bytes('at last'))
    expect(parseLink(added)).toMatchObject({ linkKey })
    expect(await seen(guest, added)).toBe('at last')
    await owner.stop()
    await own.stop()
  })
})

describe('the links of a contact address', () => {
  it('are the same later', async () => {
    const alice = await users.create()
    for (const options of [{}, { ...short, scheme: 'https://example.com' }] as const) {
      const { connection, ...links } = await alice.agent.createAddress(options)
      await alice.restart()
      expect(await alice.agent.links(connection, options)).toEqual(links)
    }
  })

  it('are not those of an invitation', async () => {
    const alice = await users.create()
    const { connection } = await alice.agent.createInvitation(short)
    const prohibited = { name: 'RequestError', code: 'PROHIBITED' }
    await expect(alice.agent.links(connection)).rejects.toMatchObject(prohibited)
  })
})

describe('a short link', () => {
  it.each(['createInvitation', 'createAddress'] as const)('of %s holds 13,706 bytes of user data', async (create) => {
    const [alice, bob] = [await users.create(), await users.create()]
    const userData = new Uint8Array(13_706).fill(7)
    const { connection, shortLink } = await alice.agent[create]({ short: true, userData })
    const large = { name: 'RequestError', code: 'LARGE' }
    const larger = new Uint8Array(13_710)
    await expect(alice.agent.setShortLink(connection, larger)).rejects.toMatchObject(large)
    await expect(alice.agent[create]({ short: true, userData: larger })).rejects.toMatchObject(large)
    expect((await bob.agent.resolve(shortLink ?? '')).data?.user.userData).toEqual(userData)
  })

  it('cannot be given to an invitation that was made without, or to what is none', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection, link } = await alice.agent.createInvitation()
    await expect(alice.agent.setShortLink(connection, info)).rejects.toMatchObject({ code: 'PROHIBITED' })
    const [, joined] = await connect(alice, connection, bob, link)
    await expect(bob.agent.setShortLink(joined, info)).rejects.toMatchObject({ code: 'PROHIBITED' })
    const nowhere = '0123456789abcdef'
    await expect(alice.agent.setShortLink(nowhere, info)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(alice.agent.deleteShortLink(nowhere)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('needs a server that has them', async () => {
    const old = await startSmpServer({ versionRange: { min: 14, max: 14 } })
    const alice = await users.create({ servers: [old.addressText] })
    await expect(alice.agent.createAddress(short)).rejects.toMatchObject({ name: 'PeerError', code: 'A_LINK' })
    await alice.stop()
    await old.stop()
  })

  it('leaves out of a preset server all but its host, and begins as asked for', async () => {
    const presets = [server().addressText]
    const [alice, bob, carol] = [await users.create({ presets }), await users.create({ presets }), await users.create()]
    const options = { ...short, scheme: 'https://example.com' } as const
    const { connection, link, shortLink } = await alice.agent.createAddress(options)
    expect(link).toMatch(/^https:\/\/example\.com\/contact#/)
    expect(shortLink).toMatch(/^https:\/\/127\.0\.0\.1\/a#[\w-]{43}$/)
    expect(await alice.agent.setShortLink(connection, bytes('new'))).toMatch(/^simplex:\/a#[\w-]{43}\?h=127\.0\.0\.1$/)
    expect(await seen(bob, shortLink)).toBe('new')
    await bob.agent.join(shortLink ?? '', { info })
    await alice.taken('request')
    await expect(carol.agent.join(shortLink ?? '', { info })).rejects.toMatchObject({
      name: 'LinkError',
      code: 'SERVER',
      message: expect.stringContaining('add smp://keyHash@127.0.0.1 to the preset servers'),
    })
  })
})
