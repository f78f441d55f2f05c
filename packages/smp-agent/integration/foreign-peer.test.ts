import { afterAll, describe, expect, it } from 'vitest'
import type { ConnectionId } from '../src/connection-id.js'
import { idFromText } from '../src/connection-id.js'
import { bytes, text, type User, useUsers } from '../src/testing/users.js'
import { ForeignPeer } from './foreign-peer.js'
import { ascii, int64, large, short, word } from './foreign-peer-bytes.js'
import type { ForeignConnection, ForeignOptions } from './foreign-peer-connection.js'
import { quick, useTarget } from './target.js'

const target = useTarget()
const users = useUsers(() => ({ ...target.first(), ...quick }))
const peers: ForeignPeer[] = []
afterAll(async () => {
  for (const peer of peers) await peer.close()
})

async function meet(options: ForeignOptions): Promise<{ user: User; peer: ForeignPeer }> {
  const [server] = target.first().servers
  if (typeof server !== 'string') throw new Error('expected the address of a server')
  const peer = await ForeignPeer.open(server, options)
  peers.push(peer)
  return { user: await users.create({ pqSupport: options.theirPq }), peer }
}

interface Connected {
  readonly user: User
  readonly connection: ConnectionId
  readonly foreign: ForeignConnection
}

/** 14.2.1 */
async function agentAsks({ user, peer }: { user: User; peer: ForeignPeer }): Promise<Connected> {
  const address = await peer.createAddress()
  const connection = await user.agent.join(address.link, { info: bytes('{"n":"agent"}') })
  const { invitation, info } = await peer.takeRequest(address)
  expect(info).toBe('{"n":"agent"}')
  // With the post-quantum key: it is not shown to people (10.3.4).
  const foreign = await peer.join(invitation, '{"n":"owner"}', { hasKem: peer.options.theirPq })
  expect(text((await user.taken('confirmation')).info)).toBe('{"n":"owner"}')
  await user.agent.allow(connection, bytes('{"n":"allowed"}'))
  expect(await foreign.takeAnswer()).toEqual({ info: '{"n":"allowed"}', senderKey: null })
  await user.taken('connected')
  return { user, connection, foreign }
}

/** 14.2.2 */
async function agentIsAsked({ user, peer }: { user: User; peer: ForeignPeer }): Promise<Connected> {
  const { link } = await user.agent.createAddress()
  const { e2e, pq } = peer.options
  const invitation = await peer.createInvitation({ kem: pq && e2e === 3 })
  await peer.ask(link, invitation, '{"n":"guest"}')
  const request = await user.taken('request')
  expect(text(request.info)).toBe('{"n":"guest"}')
  const connection = await user.agent.accept(request.requestId, { info: bytes('{"n":"agent"}') })
  const { info, accept } = await peer.takeConfirmation(invitation)
  expect(info).toBe('{"n":"agent"}')
  const foreign = await accept('{"n":"allowed"}')
  expect(text((await user.taken('info')).info)).toBe('{"n":"allowed"}')
  await user.taken('connected')
  return { user, connection, foreign }
}

/** 14.2.3 */
async function agentInvites({ user, peer }: { user: User; peer: ForeignPeer }): Promise<Connected> {
  const { connection, link } = await user.agent.createInvitation()
  const foreign = await peer.join(link, '{"n":"peer"}')
  expect(text((await user.taken('confirmation')).info)).toBe('{"n":"peer"}')
  await user.agent.allow(connection, bytes('{"n":"agent"}'))
  expect(await foreign.takeAnswer()).toEqual({ info: '{"n":"agent"}', senderKey: null })
  await user.taken('connected')
  return { user, connection, foreign }
}

/** 14.2.4 */
async function agentIsInvited({ user, peer }: { user: User; peer: ForeignPeer }): Promise<Connected> {
  const invitation = await peer.createInvitation()
  const connection = await user.agent.join(invitation.link, { info: bytes('{"n":"agent"}') })
  const { info, senderKey, accept } = await peer.takeConfirmation(invitation)
  expect([info, senderKey]).toEqual(['{"n":"agent"}', null])
  const foreign = await accept('{"n":"peer"}')
  expect(text((await user.taken('info')).info)).toBe('{"n":"peer"}')
  await user.taken('connected')
  return { user, connection, foreign }
}

const message = (body: string) => Buffer.concat([ascii('M'), Buffer.from(body)])

/** What the agent counts is what the peer has seen of it. */
async function expectSameEnds({ user, connection, foreign }: Connected): Promise<void> {
  const rows: unknown[] = []
  for await (const page of user.store.pages('connections')) {
    for (const row of page) {
      if (Buffer.compare(row.connId, idFromText(connection)) !== 0) continue
      const { lastSentId, lastSentHash, lastReceivedId, lastReceivedHash } = row
      rows.push([lastSentId, Buffer.from(lastSentHash), lastReceivedId, Buffer.from(lastReceivedHash)])
    }
  }
  const { sent, received } = foreign
  expect(rows).toEqual([[Number(received.id), received.hash, String(sent.id), sent.hash]])
}

async function expectToPeer(
  { user, connection, foreign }: Connected,
  body: string,
  notification = true,
): Promise<{ id: bigint; hash: Buffer; pq: boolean }> {
  await user.agent.send(connection, bytes(body), { notification })
  const got = await foreign.take()
  expect(got.notification).toBe(notification)
  expect(got.content.tail().toString()).toBe(`M${body}`)
  await user.taken('sent')
  return got
}

async function expectToAgent({ user, foreign }: Connected, body: string, pq: boolean | null = null): Promise<boolean> {
  const notification = body.length % 2 === 0
  const hash = await foreign.send(message(body), { notification, pq })
  const got = await user.taken('message')
  expect([text(got.body), got.integrity, got.notification]).toEqual([body, 'OK', notification])
  expect([got.sentId, Buffer.from(got.hash)]).toEqual([foreign.sent.id, hash])
  return got.pq
}

/** Turns, bursts, the longest message. */
async function talk(connected: Connected, isPq: boolean): Promise<void> {
  const { user, connection, foreign } = connected
  await expectSameEnds(connected)
  let isBoth = false
  for (let i = 0; i < 4; i++) {
    const { pq } = await expectToPeer(connected, `turn ${i}`, i % 2 === 0)
    isBoth = (await expectToAgent(connected, `back ${i}`, isPq ? true : null)) && pq
  }
  expect(isBoth).toBe(isPq)
  for (let i = 0; i < 3; i++) await foreign.send(message(`burst ${i}`))
  expect(await user.messages(3)).toEqual(['burst 0', 'burst 1', 'burst 2'])
  for (let i = 0; i < 3; i++) await user.agent.send(connection, bytes(`burst ${i}`))
  for (let i = 0; i < 3; i++) expect((await foreign.take()).content.tail().toString()).toBe(`Mburst ${i}`)
  for (let i = 0; i < 3; i++) await user.taken('sent')
  await expectSameEnds(connected)
}

/** Both ways (13.6). */
async function exchangeReceipts(connected: Connected): Promise<void> {
  const { user, connection, foreign } = connected
  const hash = await foreign.send(message('tell me'))
  const event = await user.take('message')
  await event.ack({ receipt: true })
  const receipt = await foreign.take()
  expect(receipt.notification).toBe(false)
  const expected = [ascii('V'), word(1, 1), int64(foreign.sent.id), short(hash), large(Buffer.alloc(0))]
  expect(receipt.content.tail()).toEqual(Buffer.concat(expected))
  const id = await user.agent.send(connection, bytes('I tell you'))
  const got = await foreign.take()
  await user.taken('sent')
  await foreign.send(Buffer.concat([ascii('V'), word(1, 1), int64(got.id), short(got.hash), large(Buffer.from('i'))]))
  const told = await user.taken('receipt')
  expect([told.id, told.status, text(told.info)]).toEqual([id, 'received', 'i'])
  await expectSameEnds(connected)
}

const flows = [
  ['a contact address of a foreign peer', agentAsks],
  ['a contact address of ours', agentIsAsked],
  ['an invitation of ours', agentInvites],
  ['an invitation of a foreign peer', agentIsInvited],
] as const

describe.each([
  { e2e: 2, pq: false, theirPq: false },
  { e2e: 2, pq: false, theirPq: true },
  { e2e: 3, pq: false, theirPq: false },
  { e2e: 3, pq: false, theirPq: true },
  { e2e: 3, pq: true, theirPq: false },
  { e2e: 3, pq: true, theirPq: true },
] as const)('with encryption version $e2e, a peer with post-quantum support $pq, an agent with $theirPq', (options) => {
  it.each(flows)('%s makes a connection that carries messages and receipts', async (_, flow) => {
    const connected = await flow(await meet(options))
    await talk(connected, options.pq && options.theirPq)
    await exchangeReceipts(connected)
  })
})

const plainPeer = { e2e: 3, pq: false, theirPq: true } as const

describe('an older peer, whose queues cannot be secured by their senders', () => {
  it('gets unsigned confirmations with K, and HELLO as second message', async () => {
    const { user, peer } = await meet({ ...plainPeer, client: 2 })
    const invitation = await peer.createInvitation()
    const connection = await user.agent.join(invitation.link, { info: bytes('agent') })
    const { info, accept } = await peer.takeConfirmation(invitation)
    expect(info).toBe('agent')
    const foreign = await accept('peer')
    expect(text((await user.taken('info')).info)).toBe('peer')
    const hello = await foreign.take()
    expect([hello.id, hello.notification, hello.content.tail().toString()]).toEqual([2n, true, 'H'])
    await foreign.send(ascii('H'), { notification: true })
    await user.taken('connected')
    const connected = { user, connection, foreign }
    await talk(connected, false)
    await exchangeReceipts(connected)
  })
})

describe('what a peer may send besides', () => {
  it('stops nothing: the messages after it follow', async () => {
    const { user, peer } = await meet(plainPeer)
    const connected = await agentInvites({ user, peer })
    const { foreign } = connected
    const { id, hash } = await expectToPeer(connected, 'first')
    await foreign.confirmAgain()
    await foreign.send(foreign.roomAgain)
    await foreign.send(Buffer.concat([ascii('E'), int64(1n)]), { notification: true })
    await foreign.send(Buffer.concat([ascii('V'), word(1, 1), int64(id + 7n), short(hash), large(Buffer.alloc(0))]))
    await expectToAgent(connected, 'next')
    await foreign.send(ascii('H'), { notification: true })
    expect((await user.taken('error')).code).toBe('A_PROHIBITED')
    await foreign.send(Buffer.concat([ascii('H'), ascii('x')]))
    expect((await user.taken('error')).code).toBe('A_MESSAGE')
    const got = await sendAfterUnreadable(connected)
    // What could not be read has no number.
    expect(got).toBe(`ERR NO_ID ${foreign.sent.id - 1n} ${foreign.sent.id - 1n}`)
    await expectToAgent(connected, 'last')
    await expectSameEnds(connected)
  })
})

describe('before the connection is allowed', () => {
  it('the joiner may send: a foreign one to us', async () => {
    const { user, peer } = await meet(plainPeer)
    const { connection, link } = await user.agent.createInvitation()
    const foreign = await peer.join(link, 'peer')
    const connected = { user, connection, foreign }
    await user.taken('confirmation')
    await expectToAgent(connected, 'early')
    await expectToAgent(connected, 'once more')
    await user.agent.allow(connection, bytes('agent'))
    expect((await foreign.takeAnswer()).info).toBe('agent')
    await user.taken('connected')
    await talk(connected, false)
  })

  it('the joiner may send: we to a foreign peer', async () => {
    const { user, peer } = await meet(plainPeer)
    const invitation = await peer.createInvitation()
    const connection = await user.agent.join(invitation.link, { info: bytes('agent') })
    const { accept, early } = await peer.takeConfirmation(invitation)
    await expect.poll(async () => (await user.agent.connection(connection)).canSend).toBe(true)
    await user.agent.send(connection, bytes('early'))
    const got = await early()
    expect([got.id, got.content.tail().toString()]).toEqual([2n, 'Mearly'])
    await user.taken('sent')
    const foreign = await accept('peer')
    await user.taken('info')
    await user.taken('connected')
    await talk({ user, connection, foreign }, false)
  })
})

async function sendAfterUnreadable({ user, foreign }: Connected): Promise<string> {
  await foreign.send(message('after'))
  return (await user.taken('message')).integrity
}
