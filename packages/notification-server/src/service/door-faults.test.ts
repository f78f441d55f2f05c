// Spec 30 §2, §3, §5: what a door does when its clients are hostile, or what it stands on fails.
import { PrivateKey } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { RequestError } from '@smpkit/smp-agent'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../memory-store.js'
import { FakeAgent } from '../testing/fake-agent.js'
import { intercepted } from '../testing/fakes.js'
import { settled } from '../testing/manual-clock.js'
import { addressText, setUp } from '../testing/setup.js'
import { serviceDoor } from './door.js'

const hour = 3_600_000

async function served(options: Parameters<typeof setUp>[0] = {}, peers = new FakeAgent()) {
  const setup = await setUp({ doors: [serviceDoor({ agent: peers.agent, name: 'wake-up' })], ...options })
  const say = async (...texts: string[]) => {
    for (const text of texts) peers.message('client', text)
    await settled()
  }
  const accept = async (connection: string) => {
    peers.emit('request', 'address', { requestId: connection })
    await settled()
  }
  await accept('client')
  peers.acked = 0
  return { ...setup, peers, say, accept, answers: () => peers.answers('client') }
}

const dhKey = toBase64url(PrivateKey.generate('x25519').publicKey.toDer())
const token = (text = 'a phone') => ({ provider: 'fake', token: text, dhKey })
const subscription = (fill: number, more: object = {}) => ({
  server: addressText(),
  notifierId: toBase64url(new Uint8Array(24).fill(fill)),
  notifierKey: toBase64url(PrivateKey.generate('ed25519').toDer()),
  token: token(),
  ...more,
})
const post = (id: string, data: unknown, resource = '/ntf/subscriptions') =>
  `${id} s.post ${resource} ${JSON.stringify(data)}`

describe('a client that floods the service', () => {
  test('is refused no faster than it may ask: what it sends waits elsewhere', async () => {
    const { say, answers, peers, clock } = await served({ limits: { requests: 2 } })
    await say(...Array.from({ length: 10 }, (_, i) => `request${i} s.get /`))
    expect(answers().map((text) => text.split(' ').slice(0, 2))).toEqual([
      ['request0', 's.ok'],
      ['request1', 's.ok'],
      ['request2', 's.too_many'],
    ])
    expect(peers.acked).toBe(2)
    await clock.advance(30_000)
    expect(answers()).toHaveLength(5)
    peers.message('other', 'abcdefgh s.get /')
    await settled()
    expect(peers.answers('other')).toMatchObject([expect.stringContaining('s.ok')])
  })

  test('has no more answers waiting than it may ask for, however often it repeats', async () => {
    const { say, peers, clock, store } = await served()
    peers.refuse = () => new RequestError('SYNCHRONIZATION', 'not now')
    const before = clock.timers
    for (let i = 0; i < 20; i++) await say('abcdefgh s.get /')
    expect(clock.timers).toBe(before + 1)
    expect(await store.page('answers', { limit: 9, owed: true })).toHaveLength(1)
  })
})

describe('an answer', () => {
  test('is sent after the store failed right after the effect', async () => {
    const store = memoryStore()
    let fails = 1
    const failing = intercepted(store, async (name, call, [selection]) => {
      // The last use of tokens is noted after all else.
      const isTouch = name === 'read' && Object.keys(selection as object).join() === 'tokens'
      if (isTouch && fails-- > 0) throw Object.assign(new Error('away'), { temporary: true })
      return call()
    })
    const { say, answers, clock, peers } = await served({ store: failing })
    await say(post('abcdefgh', subscription(1)))
    await clock.advance(1000)
    expect(fails).toBeLessThan(1)
    expect(answers()).toHaveLength(1)
    expect(answers()[0]).toMatch(/^abcdefgh s.created /)
    expect(peers.acked).toBe(1)
  })

  test('that cannot be sent is tried again, for as long as somebody may wait for it', async () => {
    const { say, peers, answers, clock, store } = await served()
    peers.refuse = () => new RequestError('SYNCHRONIZATION', 'not now')
    await say('abcdefgh s.get /')
    await clock.advance(10_000)
    peers.refuse = () => undefined
    await clock.advance(10_000)
    expect(answers()).toHaveLength(1)
    peers.refuse = () => new RequestError('SYNCHRONIZATION', 'not now')
    await say('abcdefgi s.get /')
    await clock.advance(hour + 60_000)
    expect(await store.page('answers', { limit: 9, owed: true })).toEqual([])
  })

  test('that waits for an SMP server does not hold up the end, and there may be many of them', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const { say, server, subscriber, store, answers } = await served()
    subscriber.answer = 'none'
    const texts = Array.from({ length: 30 }, (_, i) => post(`subscribe-${i}`, subscription(i)))
    await say(...texts)
    await say('abcdefgh s.get /')
    expect(answers()).toHaveLength(1)
    await server.close()
    const owed = await store.page('answers', { limit: 99, owed: true })
    expect(owed.map(({ state }) => state)).toEqual(Array(30).fill('waiting'))
    await settled()
    expect(warnings).toEqual([])
  })

  test('says of a refused key that nothing is kept, with a token that came along neither', async () => {
    const { say, answers, subscriber, store } = await served()
    subscriber.answer = 'AUTH'
    await say(post('abcdefgh', subscription(1)))
    expect(answers()).toMatchObject([expect.stringMatching(/^abcdefgh s.conflict .*"reason":"auth"/)])
    expect(await store.page('subscriptions', { limit: 9 })).toEqual([])
    expect(await store.page('tokens', { limit: 9 })).toEqual([])
  })

  test('that refuses one of several keys leaves the token that another one needs', async () => {
    const { say, answers, subscriber, store, clock } = await served()
    subscriber.answer = 'none'
    const [first, second] = [subscription(1), subscription(2)]
    await say(post('abcdefgh', [first, second]))
    const event = { server: addressText().slice(6, 50), notifierId: new Uint8Array(24).fill(1) }
    subscriber.emit({ type: 'refused', ...event, code: 'AUTH' })
    await clock.advance(15_000)
    expect(answers()).toMatchObject([expect.stringMatching(/s.ok .*"reason":"auth".*"status":"accepted"/)])
    expect(await store.page('tokens', { limit: 9 })).toHaveLength(1)
  })
})

describe('a request', () => {
  const kinds = [
    ['subscription', post('abcdefgh', subscription(1))],
    ['subscription that is not waited for', post('abcdefgh', subscription(1, { wait: 0 }))],
    ['token', post('abcdefgh', token(), '/ntf/tokens')],
  ] as const

  test.each(kinds)('for a %s is carried out once, whenever the process dies', async (_, request) => {
    for (let steps = 0, isComplete = false; !isComplete; steps++) {
      const store = memoryStore()
      let left = Number.POSITIVE_INFINITY
      const dying = intercepted(store, (name, call) => {
        if (name === 'atomic' && left-- <= 0) return new Promise(() => {})
        return call()
      })
      const first = await served({ store: dying })
      left = steps
      await first.say(request)
      isComplete = left > 0
      const peers = new FakeAgent()
      peers.present.add('client')
      const doors = [serviceDoor({ agent: peers.agent, name: 'wake-up' })]
      const { server } = await setUp({ store, doors })
      if (first.peers.acked === 0) peers.message('client', request)
      await settled()
      const answers = new Set([...first.answers(), ...peers.answers('client')])
      expect([...answers], `${steps} steps`).toMatchObject([expect.stringMatching(/^abcdefgh s.(created|accepted) /)])
      expect(await store.page('tokens', { limit: 9 })).toHaveLength(1)
      expect(await store.page('answers', { limit: 9 })).toMatchObject([{ state: 'sent' }])
      await server.close()
    }
  })

  test('with the id of one that waits for an SMP server is refused if it is another, and waits with it otherwise', async () => {
    const { say, answers, subscriber, clock } = await served()
    subscriber.answer = 'none'
    const request = post('abcdefgh', subscription(1))
    await say(request, request, post('abcdefgh', subscription(2)))
    expect(answers()).toEqual(['abcdefgh s.conflict {"reason":"id_reused"}'])
    await clock.advance(15_000)
    expect(answers()).toHaveLength(2)
    expect(answers()[1]).toMatch(/^abcdefgh s.accepted /)
  })

  test('that failed for now is carried out when it comes again', async () => {
    const { say, answers, clock } = await served({ limits: { requests: 1 } })
    await say('abcdefgh s.get /', 'abcdefgi s.get /')
    expect(answers()[1]).toMatch(/^abcdefgi s.too_many .*"retryAfter":60/)
    await clock.advance(60_000)
    await say('abcdefgi s.get /')
    expect(answers()[2]).toMatch(/^abcdefgi s.ok /)
  })
})

describe('the door', () => {
  test('never gives up its address by itself', async () => {
    const { peers } = await served()
    peers.emit('failed', 'address', { code: 'AUTH', reason: 'gone' })
    await settled()
    expect(peers.deleted).toEqual([])
  })

  test('forgets a client whose connection failed, with all that it had', async () => {
    const { peers, say, store } = await served()
    await say(post('abcdefgh', token(), '/ntf/tokens'))
    peers.emit('failed', 'client', { code: 'AUTH', reason: 'gone' })
    await settled()
    expect(peers.deleted).toEqual(['client'])
    expect(await store.page('tokens', { limit: 9 })).toEqual([])
    expect(await store.page('clients', { limit: 9 })).toEqual([])
    expect(await store.page('answers', { limit: 9 })).toEqual([])
  })

  test('lets idle clients go although one of them cannot be let go, and that one later', async () => {
    const { peers, accept, clock, store } = await served()
    await accept('second')
    peers.refuse = (connection) =>
      connection === 'client' ? new RequestError('SYNCHRONIZATION', 'not now') : undefined
    await clock.advance(24 * hour + 60_000)
    expect(peers.deleted).toEqual(['second'])
    peers.refuse = () => undefined
    await clock.advance(60_000)
    expect(peers.deleted).toEqual(['second', 'client'])
    expect(await store.page('clients', { limit: 9 })).toEqual([])
  })

  test('knows at its start which clients came and went while it was away', async () => {
    const store = memoryStore()
    const { server, accept } = await served({ store })
    await accept('gone')
    await server.close()
    const peers = new FakeAgent()
    peers.present.add('client').add('new')
    const later = await setUp({ store, doors: [serviceDoor({ agent: peers.agent, name: 'wake-up' })] })
    expect((await later.store.page('clients', { limit: 9 })).map(({ owner }) => owner)).toEqual(['client', 'new'])
    await later.server.close()
  })
})
