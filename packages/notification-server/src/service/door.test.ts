// Spec 30 §1–§5 over real connections: a client with an agent, the door, an SMP server.
import { openMemoryStore } from '@smpkit/agent-store'
import { PrivateKey, PublicKey } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import { consoleProvider, type Push } from '@smpkit/push-providers'
import { openPush, tokenSecret } from '@smpkit/push-providers/payload'
import { encodeRequest, newId, readMessage, type ServiceResponse } from '@smpkit/service-protocol'
import { openAgent, type SmpAgent } from '@smpkit/smp-agent'
import { SmpPool } from '@smpkit/smp-client'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../memory-store.js'
import { poolSubscriber } from '../pool-subscriber.js'
import { createNotificationServer, type NotificationServerOptions } from '../server.js'
import { newQueue } from '../testing/queue.js'
import { serviceDoor } from './door.js'

let smp: SmpServer
beforeAll(async () => {
  smp = await startSmpServer({ notificationTick: 50 })
  return () => smp[Symbol.asyncDispose]()
})

/** A notification server with its door. What its process left is taken up by another one with the same stores. */
class Service {
  readonly agentStore = openMemoryStore()
  readonly store = memoryStore()
  readonly pushes: Push[] = []

  async start(options: Partial<NotificationServerOptions> = {}) {
    const agent = await openAgent({ store: this.agentStore, servers: [smp.addressText] })
    const door = serviceDoor({ agent, name: 'wake-up' })
    const server = await createNotificationServer({
      subscriber: poolSubscriber(new SmpPool()),
      store: this.store,
      providers: [consoleProvider({ write() {}, deliver: (push) => void this.pushes.push(push) })],
      doors: [door],
      ...options,
    })
    const stop = async () => {
      await server.close()
      await agent.close()
    }
    onTestFinished(stop)
    return { server, agent, door, stop }
  }
}

interface Reply {
  readonly status: string
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it has asked for
  readonly data: any
}

/** A client that sends requests and keeps what comes. */
class Client {
  readonly received: Uint8Array[] = []
  connection = ''
  info = ''
  #isConnected = false
  #wake = () => {}

  constructor(readonly agent: SmpAgent) {
    void this.#read()
  }

  static async connect(link: string): Promise<Client> {
    const client = await Client.open()
    client.connection = await client.agent.join(link, { info: new Uint8Array() })
    while (!client.#isConnected) await client.#something()
    return client
  }

  static async open(): Promise<Client> {
    const agent = await openAgent({ store: openMemoryStore(), servers: [smp.addressText] })
    onTestFinished(() => agent.close())
    return new Client(agent)
  }

  async #read(): Promise<void> {
    for await (const event of this.agent.events()) {
      if (event.type === 'message') this.received.push(event.body)
      if (event.type === 'confirmation') {
        this.info = new TextDecoder().decode(event.info)
        await this.agent.allow(event.connection, new Uint8Array())
      }
      if (event.type === 'connected') this.#isConnected = true
      await event.ack()
      this.#wake()
    }
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  send(text: string | Uint8Array): Promise<number> {
    const body = typeof text === 'string' ? new TextEncoder().encode(text) : text
    return this.agent.send(this.connection, body, { notification: false })
  }

  async next(): Promise<ServiceResponse> {
    while (this.received.length === 0) await this.#something()
    const answer = readMessage(this.received.shift() as Uint8Array)
    if (answer.kind !== 'response') throw new Error('expected an answer')
    return answer
  }

  async ask(method: string, resource: string, data?: unknown, id = newId()): Promise<Reply> {
    await this.send(encodeRequest({ id, method, resource, data }))
    const { ref, status, data: answer } = await this.next()
    expect(ref).toBe(id)
    return { status, data: answer }
  }
}

async function queueWithNotifier() {
  const { notifierId, notifierKey, send } = await newQueue(smp)
  const subscription = (token: unknown) => ({
    server: smp.addressText,
    notifierId: toBase64url(notifierId),
    notifierKey: toBase64url(notifierKey.toDer()),
    token,
  })
  return { notify: () => send('hello'), subscription }
}

const dhKey = PrivateKey.generate('x25519')
const tokenRequest = (token = 'a phone') => ({
  provider: 'console',
  token,
  dhKey: toBase64url(dhKey.publicKey.toDer()),
})
const idOf = (data: { resource: string }) => data.resource.split('/').at(-1) as string

async function served(options?: Partial<NotificationServerOptions>) {
  const service = new Service()
  const running = await service.start(options)
  const { link } = await running.door.address()
  const client = await Client.connect(link)
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { service, client, link, until, ...running }
}

describe('the s.* door', () => {
  test('accepts a client, and takes it from a token to a push that names its queue', async () => {
    const { client, service, until } = await served()
    expect(JSON.parse(client.info)).toMatchObject({ event: 'x.info', params: { profile: { displayName: 'wake-up' } } })
    expect(await client.ask('get', '/')).toEqual({
      status: 'ok',
      data: {
        service: 'ntf',
        versions: [1],
        providers: [{ name: 'console' }],
        limits: { batch: 32, tokens: 4, subscriptions: 5000 },
      },
    })
    const { notify, subscription } = await queueWithNotifier()
    const added = await client.ask('post', '/ntf/subscriptions', subscription(tokenRequest()))
    expect(added).toMatchObject({ status: 'created', data: { status: 'active', token: { status: 'registered' } } })
    const secret = tokenSecret(dhKey, PublicKey.fromDer(fromBase64url(added.data.token.dhKey)) as PublicKey<'x25519'>)
    await until(() => service.pushes.length === 1)
    const verification = openPush(secret, service.pushes[0]?.notificationData)
    if (verification.kind !== 'verification') throw new Error('expected a code')
    const token = added.data.token.resource
    const code = toBase64url(verification.code)
    expect(await client.ask('put', `${token}/verification`, { code })).toEqual({
      status: 'ok',
      data: { status: 'active' },
    })
    await notify()
    await until(() => service.pushes.length === 2)
    expect(openPush(secret, service.pushes[1]?.notificationData)).toMatchObject({ kind: 'message', items: [{}] })
    expect(await client.ask('get', added.data.resource)).toMatchObject({ status: 'ok', data: { status: 'active' } })
    expect(await client.ask('get', token)).toMatchObject({ data: { status: 'active', subscriptions: { count: 1 } } })
    expect(await client.ask('get', '/ntf/subscriptions')).toMatchObject({
      data: { items: [{ id: idOf(added.data), status: 'active' }] },
    })
    expect(await client.ask('delete', added.data.resource)).toEqual({ status: 'ok', data: undefined })
    expect(await client.ask('get', added.data.resource)).toMatchObject({ status: 'gone' })
    expect(await client.ask('delete', token)).toEqual({ status: 'ok', data: undefined })
  })

  test('answers several subscriptions in their order, each with what became of it', async () => {
    const { client } = await served()
    const first = await queueWithNotifier()
    const { data: token } = await client.ask('post', '/ntf/tokens', tokenRequest())
    const reference = { id: idOf(token) }
    const wrong = { ...first.subscription(reference), notifierId: toBase64url(new Uint8Array(24)) }
    const requests = [first.subscription(reference), wrong, { ...wrong, notifierKey: toBase64url(new Uint8Array(48)) }]
    const { status, data } = await client.ask('post', '/ntf/subscriptions', requests)
    expect(status).toBe('ok')
    expect(data).toMatchObject([
      { status: 'created', data: { status: 'active' } },
      { status: 'conflict', data: { reason: 'auth' } },
      { status: 'bad_request', data: { reason: 'data', issues: [{ path: '/notifierKey' }] } },
    ])
    expect(await client.ask('post', '/ntf/subscriptions', first.subscription(reference))).toMatchObject({
      status: 'ok',
    })
  })

  test('answers a repeated request with the same, and has no second effect', async () => {
    const { client, service } = await served()
    const id = newId()
    const first = await client.ask('post', '/ntf/tokens', tokenRequest(), id)
    expect(await client.ask('post', '/ntf/tokens', tokenRequest(), id)).toEqual(first)
    expect(service.pushes).toHaveLength(1)
    expect(await client.ask('post', '/ntf/tokens', tokenRequest('another'), id)).toEqual({
      status: 'conflict',
      data: { reason: 'id_reused' },
    })
    expect(await client.ask('post', '/ntf/tokens', tokenRequest(), id)).toEqual(first)
  })

  test('does not answer what is no request, and answers text with text', async () => {
    const { client } = await served()
    await client.send('hello')
    await client.send('{"v":"1","event":"x.msg.new","params":{}}')
    await client.send('abcdefgh s.ok')
    await client.send('abcdefgh s.get /')
    const answer = await client.next()
    expect(answer).toMatchObject({ syntax: 'text', ref: 'abcdefgh', status: 'ok' })
    expect(await client.ask('get', '/nothing')).toMatchObject({ status: 'not_found' })
    expect(await client.ask('patch', '/ntf/tokens')).toMatchObject({ status: 'not_allowed', data: { allow: ['post'] } })
  })

  test('refuses more requests than the limit, and says when to come again', async () => {
    const { client } = await served({ limits: { requests: 2 } })
    expect(await client.ask('get', '/')).toMatchObject({ status: 'ok' })
    expect(await client.ask('get', '/')).toMatchObject({ status: 'ok' })
    expect(await client.ask('get', '/')).toMatchObject({ status: 'too_many', data: { retryAfter: 30 } })
  })

  test('shows nothing of one owner to another', async () => {
    const { client, link } = await served()
    const { data: token } = await client.ask('post', '/ntf/tokens', tokenRequest())
    const stranger = await Client.connect(link)
    const unknown = `/ntf/tokens/${toBase64url(new Uint8Array(24))}`
    for (const [method, data] of [['get'], ['delete'], ['put', { provider: 'console', token: 'x' }]] as const) {
      const answer = await stranger.ask(method, token.resource, data)
      expect(answer).toEqual(await stranger.ask(method, unknown, data))
      expect(answer).toEqual({ status: 'not_found', data: { reason: 'token' } })
    }
    expect(await client.ask('get', token.resource)).toMatchObject({ status: 'ok' })
  })

  test('goes on after a restart with what it owed', async () => {
    const { client, service, stop } = await served()
    const { data: token } = await client.ask('post', '/ntf/tokens', tokenRequest())
    // Nobody answers there: the request is committed, and waits.
    const { subscription } = await queueWithNotifier()
    const away = { ...subscription({ id: idOf(token) }), server: smp.addressText.replace(/:\d+$/, ':1') }
    const id = newId()
    await client.send(encodeRequest({ id, method: 'post', resource: '/ntf/subscriptions', data: { ...away, wait: 1 } }))
    while ((await service.store.page('answers', { limit: 9, owed: true })).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
    await stop()
    expect(client.received).toEqual([])
    await service.start()
    expect(await client.next()).toMatchObject({ ref: id, status: 'accepted', data: { status: 'pending' } })
  })

  test('lets a connection go that has no token for a day', async () => {
    const { client, service, agent, stop } = await served()
    expect(await client.ask('get', '/')).toMatchObject({ status: 'ok' })
    await stop()
    expect(agent).toBeDefined()
    const later = await service.start({
      clock: { now: () => Date.now() + 25 * 3_600_000, schedule: systemSchedule },
      limits: { maintenanceEvery: 10 },
    })
    const connections = async () => {
      const modes: string[] = []
      for await (const { mode, isBeingDeleted } of later.agent.connections()) if (!isBeingDeleted) modes.push(mode)
      return modes
    }
    while ((await connections()).length > 1) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await connections()).toEqual(['contact'])
    expect(await service.store.page('clients', { limit: 9 })).toEqual([])
  })
})

const systemSchedule = (run: () => void, delay: number) => {
  const timer = setTimeout(run, delay)
  return () => clearTimeout(timer)
}
