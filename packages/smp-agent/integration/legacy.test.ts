import { describe, expect, it } from 'vitest'
import { type ConnectionRequest, parseConnectionRequest } from '../src/connection-request.js'
import { Lossy } from '../src/testing/lossy.js'
import { bytes, type Ends, text, type User, useUsers } from '../src/testing/users.js'
import { quick, useServer } from './target.js'

const server = useServer()
const users = useUsers(() => ({ ...quick, servers: [server.address] }))

/** What a link of an older agent says; the mode of the queue is `null` where its server did not know any. */
interface Link {
  readonly client?: number
  readonly agent?: number
  readonly e2e?: number
  readonly queueMode?: 'messaging' | null
}

/** The same invitation, as an older agent would have written it. */
function older(link: string, { client = 4, agent = 7, e2e = 3, queueMode = 'messaging' }: Link): ConnectionRequest {
  const request = parseConnectionRequest(link)
  const [queue] = request.queues
  if (request.type !== 'invitation' || !queue) throw new Error('expected an invitation')
  return {
    ...request,
    agentVersions: { min: 2, max: agent },
    queues: [{ ...queue, versionRange: { min: 1, max: client }, queueMode }],
    e2e: { ...request.e2e, versions: { min: 2, max: e2e } },
  }
}

/** The events of both in the order of each, up to `connected`. */
async function connect(inviter: User, joiner: User, link: Link): Promise<{ ends: Ends; events: string[][] }> {
  const invitation = await inviter.agent.createInvitation()
  const joined = await joiner.agent.join(older(invitation.link, link), { info: bytes('joiner') })
  expect(text((await inviter.taken('confirmation')).info)).toBe('joiner')
  await inviter.agent.allow(invitation.connection, bytes('inviter'))
  const events = [await until(inviter), await until(joiner)]
  return { ends: [invitation.connection, joined], events }
}

async function until(user: User): Promise<string[]> {
  const types: string[] = []
  while (types.at(-1) !== 'connected') {
    const event = await user.next()
    await event.ack()
    types.push(event.type)
  }
  return types
}

/** Several each way, so that the ratchet turns. */
async function talk(one: User, two: User, [a, b]: Ends): Promise<boolean> {
  let pq = false
  for (let i = 0; i < 4; i++) {
    const sent = await one.agent.send(a, bytes(`to ${i}`))
    const there = await two.taken('message')
    expect([text(there.body), there.integrity]).toEqual([`to ${i}`, 'OK'])
    expect((await one.taken('sent')).id).toBe(sent)
    await two.agent.send(b, bytes(`fro ${i}`))
    const back = await one.taken('message')
    expect([text(back.body), back.integrity]).toEqual([`fro ${i}`, 'OK'])
    await two.taken('sent')
    pq = there.pq && back.pq
  }
  return pq
}

const typesOf = async (user: User) => {
  const types: string[] = []
  for await (const page of user.store.pages('messages')) types.push(...page.map(({ type }) => type))
  return types
}

describe.each([
  // A version below 3 cannot say that the joiner's queue lets its sender secure it.
  { name: 'queues that their senders secure', link: { queueMode: 'messaging' }, hello: false },
  { name: "a joiner's queue without mode", link: { queueMode: 'messaging', client: 2 }, hello: true },
  { name: "an initiator's queue without mode", link: { queueMode: null }, hello: false },
  { name: 'queues without mode', link: { queueMode: null, client: 2 }, hello: true },
] as const)('a connection with $name', ({ link, hello }) => {
  it(`is made ${hello ? 'with' : 'without'} HELLO, and carries messages`, async () => {
    const [inviter, joiner] = [await users.create(), await users.create()]
    const { ends, events } = await connect(inviter, joiner, link)
    expect(events).toEqual([['connected'], ['info', 'connected']])
    for (const [from, end, to] of [
      [inviter, ends[0], joiner],
      [joiner, ends[1], inviter],
    ] as const) {
      await from.agent.send(end, bytes('first'))
      // The confirmation has the number 1, and HELLO the next one.
      expect((await to.taken('message')).sentId).toBe(hello ? 3n : 2n)
      await from.taken('sent')
    }
    expect(await talk(inviter, joiner, ends)).toBe(true)
  })

  it('is made while both restart all the time', async () => {
    const [inviter, joiner] = [await users.create(), await users.create()]
    const invitation = await inviter.agent.createInvitation()
    const joined = await joiner.agent.join(older(invitation.link, link), { info: bytes('joiner') })
    let isAllowed = false
    const isConnected = [false, false]
    for (let round = 0; !isConnected.every(Boolean); round++) {
      if (round > 200) throw new Error('expected a connection, none came in 200 rounds')
      for (const [i, user] of [inviter, joiner].entries()) {
        await user.restart()
        await new Promise((resolve) => setTimeout(resolve, round))
        for await (const page of user.store.pages('events')) {
          for (const { type } of page) {
            expect(['confirmation', 'info', 'connected']).toContain(type)
            if (type === 'connected') isConnected[i] = true
            if (type !== 'confirmation' || isAllowed) continue
            isAllowed = true
            await inviter.agent.allow(invitation.connection, bytes('inviter'))
          }
        }
      }
    }
    expect(await until(inviter)).toEqual(['confirmation', 'connected'])
    expect(await until(joiner)).toEqual(['info', 'connected'])
    await talk(inviter, joiner, [invitation.connection, joined])
  })
})

describe('an older peer', () => {
  it.each([1, 2, 3, 4])('with queues of version %i is connected', async (client) => {
    const [inviter, joiner] = [await users.create(), await users.create()]
    for (const queueMode of ['messaging', null] as const) {
      const { ends } = await connect(inviter, joiner, { client, queueMode })
      await talk(inviter, joiner, ends)
    }
  })

  it.each([2, 3, 4, 5, 6, 7])('with agent version %i is connected, post-quantum from 5 on', async (agent) => {
    const [inviter, joiner] = [await users.create(), await users.create()]
    const { ends } = await connect(inviter, joiner, { agent })
    // Both are of version 7, which they tell each other with the first messages.
    expect(await talk(inviter, joiner, ends)).toBe(agent >= 5)
  })

  it.each([
    { e2e: 2, hers: true, his: true, pq: false },
    { e2e: 3, hers: true, his: true, pq: true },
    { e2e: 3, hers: false, his: true, pq: false },
    { e2e: 3, hers: true, his: false, pq: false },
    { e2e: 2, hers: false, his: false, pq: false },
  ])('with encryption version $e2e, support on one side $hers and the other $his', async ({ e2e, hers, his, pq }) => {
    const [inviter, joiner] = [await users.create({ pqSupport: hers }), await users.create({ pqSupport: his })]
    const { ends } = await connect(inviter, joiner, { e2e, agent: 5 })
    expect(await talk(inviter, joiner, ends)).toBe(pq)
  })
})

describe('before the connection is made with HELLO', () => {
  it('nothing can be sent that the server would refuse', async () => {
    const [inviter, joiner] = [await users.create(), await users.create()]
    const prohibited = expect.objectContaining({ code: 'PROHIBITED' })
    const { connection, link } = await inviter.agent.createInvitation()
    const joined = await joiner.agent.join(older(link, { client: 2, queueMode: null }), { info: bytes('joiner') })
    await inviter.taken('confirmation')
    await expect(joiner.agent.send(joined, bytes('x'))).rejects.toEqual(prohibited)
    await joiner.stop()
    await inviter.agent.allow(connection, bytes('inviter'))
    await expect.poll(() => typesOf(inviter), { timeout: 20_000 }).toEqual([])
    await expect(inviter.agent.send(connection, bytes('x'))).rejects.toEqual(prohibited)
    await joiner.start()
    await joiner.taken('info')
    await joiner.taken('connected')
    await inviter.taken('connected')
    await talk(inviter, joiner, [connection, joined])
  })

  it('a confirmation is known to have arrived when its queue was secured with the key in it', async () => {
    const lossy = new Lossy()
    const [inviter, joiner] = [await users.create(), await users.create({ route: lossy.route })]
    const { connection, link } = await inviter.agent.createInvitation()
    lossy.losing = true
    const joined = await joiner.agent.join(older(link, { queueMode: null }), { info: bytes('joiner') })
    await inviter.taken('confirmation')
    await inviter.agent.allow(connection, bytes('inviter'))
    await inviter.taken('connected')
    const before = lossy.lost
    await expect.poll(() => lossy.lost, { timeout: 20_000 }).toBeGreaterThan(before + 1)
    lossy.losing = false
    await joiner.taken('info')
    await joiner.taken('connected')
    await talk(inviter, joiner, [connection, joined])
  })

  it('HELLO of both may cross: each is connected once', async () => {
    const lossy = new Lossy()
    const [inviter, joiner] = [await users.create(), await users.create({ route: lossy.route })]
    const { connection, link } = await inviter.agent.createInvitation()
    const joined = await joiner.agent.join(older(link, { client: 2 }), { info: bytes('joiner') })
    await inviter.taken('confirmation')
    await expect.poll(() => typesOf(joiner), { timeout: 20_000 }).toEqual([])
    // The inviter's HELLO comes before the joiner hears that its own has arrived.
    lossy.losing = true
    await inviter.agent.allow(connection, bytes('inviter'))
    await inviter.taken('connected')
    await expect.poll(() => lossy.lost, { timeout: 20_000 }).toBeGreaterThan(2)
    lossy.losing = false
    await joiner.taken('info')
    await joiner.taken('connected')
    await talk(inviter, joiner, [connection, joined])
  })
})
