// Spec 30 §1, §3, §5: whatever bytes two clients send, each request gets one answer, all else none, and nothing of one is told to the other.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encode, int64, toBase64urlUnpadded } from '@smpkit/encoding'
import { consoleProvider } from '@smpkit/push-providers'
import { maxServiceMessagePq, readMessage, type ServiceResponse } from '@smpkit/service-protocol'
import { expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../src/memory-store.js'
import { createNotificationServer } from '../src/server.js'
import { serviceDoor } from '../src/service/door.js'
import { FakeSubscriber } from '../src/testing/fakes.js'
import { isFull } from './support/databases.js'
import { hostileMessage, type Known, pick, randomId, request } from './support/hostile-requests.js'
import { randomFrom } from './support/random.js'
import { StandInAgent } from './support/stand-in-agent.js'

/** HOSTILE_SEED repeats a run. */
const seed = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 1_000_000))
const count = isFull ? 100_000 : 10_000
const timeout = isFull ? 900_000 : 60_000
const random = randomFrom(seed)
const statuses = 'ok created accepted bad_request unauthorized forbidden not_found not_allowed conflict gone too_large'

/** What may be left of a run, in bytes. */
const maxGrowth = 32 * 2 ** 20

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const heap = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

/** Of 24 bytes. */
const idPattern = /[\w-]{32}/g

interface Client {
  readonly name: string
  /** All that it was told of. */
  readonly ids: Set<string>
  /** The newest of them. */
  known: Known
}

const newClient = (name: string): Client => ({ name, ids: new Set(), known: { tokens: [], subscriptions: [] } })

async function startDoor() {
  const standIn = new StandInAgent()
  const faults: unknown[] = []
  const store = memoryStore()
  const server = await createNotificationServer({
    subscriber: new FakeSubscriber(),
    store,
    providers: [consoleProvider({ write() {} })],
    doors: [serviceDoor({ agent: standIn.agent, name: 'hostile' })],
    limits: { requests: 1_000_000, newServers: 1_000_000, subscriptions: 200 },
    logger: { debug() {}, info() {}, warn() {}, error: (...args) => void faults.push(args) },
  })
  onTestFinished(() => server.close())
  return { standIn, faults, store, server }
}

let sentId = 1n

/** The answer to a message, if it is a request; `undefined` for all others. */
async function send(standIn: StandInAgent, { name }: Client, body: Uint8Array): Promise<ServiceResponse | undefined> {
  const incoming = readMessage(body)
  const id = sentId++
  await standIn.message(name, body, id)
  if (incoming.kind !== 'request') {
    expect(standIn.take(name)).toEqual([])
    return undefined
  }
  while ((standIn.sent.get(name)?.length ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve))
  const [bytes, ...more] = standIn.take(name)
  expect(more).toEqual([])
  expect(bytes?.length).toBeLessThanOrEqual(maxServiceMessagePq)
  const answer = readMessage(bytes as Uint8Array)
  if (answer.kind !== 'response') throw new Error('expected a response')
  expect(answer).toMatchObject({
    syntax: incoming.syntax,
    ref: incoming.id ?? toBase64urlUnpadded(encode(int64, id)),
    broken: false,
  })
  return answer
}

/** Takes note of the ids that an answer gives. */
function learn(client: Client, answer: ServiceResponse): void {
  const text = JSON.stringify(answer.data) ?? ''
  for (const [, kind, id] of text.matchAll(/"\/ntf\/(tokens|subscriptions)\/([\w-]{32})"/g)) {
    const key = kind as keyof Known
    client.ids.add(id as string)
    client.known = { ...client.known, [key]: [...client.known[key], id as string].slice(-20) }
  }
}

const knownTo = (client: Client, other: Client): Known => ({
  tokens: [...client.known.tokens, ...other.known.tokens, randomId(random), 'x'],
  subscriptions: [...client.known.subscriptions, ...other.known.subscriptions, randomId(random), '%00'],
})

test(
  `${count} messages of two clients (HOSTILE_SEED=${seed})`,
  async () => {
    const { standIn, faults, store, server } = await startDoor()
    const clients = [newClient('alpha'), newClient('beta')] as const
    for (const { name } of clients) await standIn.connect(name)
    const seen = new Map<string, number>()
    let before = 0
    for (let i = 0; i < count; i++) {
      if (i === Math.floor(count / 4)) before = heap()
      const client = pick(random, clients)
      const other = client === clients[0] ? clients[1] : clients[0]
      const body = hostileMessage(random, knownTo(client, other), client.name)
      const answer = await send(standIn, client, body)
      seen.set(answer?.status ?? 'none', (seen.get(answer?.status ?? 'none') ?? 0) + 1)
      if (!answer) continue
      expect(statuses.split(' ')).toContain(answer.status)
      learn(client, answer)
      const told = JSON.stringify(answer.data) ?? ''
      expect(told).not.toContain(other.name)
      const leaked = (told.match(idPattern) ?? []).filter((id) => other.ids.has(id))
      expect(leaked).toEqual([])
    }
    expect(faults).toEqual([])
    for (const status of ['none', 'ok', 'created', 'bad_request', 'not_found', 'not_allowed', 'gone', 'forbidden']) {
      expect([status, seen.get(status) ?? 0]).not.toEqual([status, 0])
    }
    // Each still is served, and what is kept of the past is bounded.
    for (const client of clients)
      expect(await send(standIn, client, request('get', '/'))).toMatchObject({ status: 'ok' })
    expect((await store.page('answers', { limit: 1000 })).length).toBeLessThanOrEqual(2 * 65)
    const { items } = await server.subscriptions.list({ owner: clients[0].name, limit: 1000 })
    expect(items.length).toBeLessThanOrEqual(200)
    expect(heap() - before).toBeLessThan(maxGrowth)
  },
  timeout,
)

test("another client's ids are as unknown as ids of nothing, whatever is asked", async () => {
  const { standIn } = await startDoor()
  const [mine, theirs] = [newClient('alpha'), newClient('beta')]
  for (const { name } of [mine, theirs]) await standIn.connect(name)
  const known: Known = { tokens: ['x'], subscriptions: ['x'] }
  while (theirs.known.tokens.length === 0 || theirs.known.subscriptions.length === 0) {
    const answer = await send(standIn, theirs, hostileMessage(random, known, theirs.name))
    if (answer) learn(theirs, answer)
  }
  const own = new Set<string>()
  const [token, subscription] = [theirs.known.tokens.at(-1), theirs.known.subscriptions.at(-1)]
  const queue = { server: `smp://${'A'.repeat(43)}=@smp.example.com`, wait: 0 }
  const asked = (tokenId: string, id: string): [string, string, unknown?][] => [
    ['get', `/ntf/tokens/${tokenId}`],
    ['delete', `/ntf/tokens/${tokenId}`],
    ['put', `/ntf/tokens/${tokenId}`, { provider: 'console', token: 'stolen' }],
    ['put', `/ntf/tokens/${tokenId}/verification`, { code: 'AAAA' }],
    ['put', `/ntf/tokens/${tokenId}/periodic`, { minutes: 20 }],
    ['get', `/ntf/subscriptions/${id}`],
    ['delete', `/ntf/subscriptions/${id}`],
    ['delete', '/ntf/subscriptions', [id]],
    ['get', `/ntf/subscriptions?after=${id}`],
    ['post', '/ntf/subscriptions', { ...queue, notifierId: 'AAAA', notifierKey: 'AAAA', token: { id: tokenId } }],
    ['patch', `/ntf/tokens/${tokenId}`],
  ]
  const nothing = asked(randomId(random), randomId(random))
  for (const [i, [method, resource, data]] of asked(token as string, subscription as string).entries()) {
    const [, otherResource, otherData] = nothing[i] as [string, string, unknown?]
    const answer = await send(standIn, mine, request(method, resource, data))
    const same = await send(standIn, mine, request(method, otherResource, otherData))
    expect([answer?.status, answer?.data]).toEqual([same?.status, same?.data])
    own.add(answer?.status ?? 'none')
  }
  expect(own).toContain('not_found')
  // The owner has lost nothing.
  expect(await send(standIn, theirs, request('get', `/ntf/tokens/${token}`))).toMatchObject({ status: 'ok' })
  expect(await send(standIn, theirs, request('get', `/ntf/subscriptions/${subscription}`))).toMatchObject({
    status: 'ok',
  })
})
