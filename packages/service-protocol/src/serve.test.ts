import { describe, expect, it, vi } from 'vitest'
import { type AnswerStore, memoryAnswers } from './answers.js'
import { messagePipe, type ReceivedMessage } from './channel.js'
import { defineService } from './definition.js'
import { ServiceFailure } from './errors.js'
import { readMessage, type ServiceResponse } from './read-message.js'
import { createRouter, type Handler } from './router.js'
import { unknownValue } from './schema.js'
import { type ServeOptions, serve } from './serve.js'

const echo = defineService({ '/': { post: { data: unknownValue, answers: { ok: unknownValue } } } })
type Post = Handler<'/', (typeof echo)['/']['post'], undefined>

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** A served pipe: what is sent, and what comes back. */
function served(post: Post, options: Partial<ServeOptions<undefined>> = {}) {
  const [client, service] = messagePipe()
  const router = createRouter<typeof echo>(echo, { '/': { post } })
  const ended = serve(service, router, { context: undefined, ...options })
  const incoming = client[Symbol.asyncIterator]()
  return {
    ended,
    client,
    send: (text: string) => client.send(bytesOf(text)),
    async next(): Promise<ServiceResponse> {
      const message = readMessage((await incoming.next()).value.bytes)
      if (message.kind !== 'response') throw new Error(`expected a response, got ${message.kind}`)
      return message
    },
  }
}

const same: Post = ({ data }) => ({ status: 'ok', data })

/** A handler that waits until it is let go. */
function held() {
  const waiting: (() => void)[] = []
  const handler = vi.fn<Post>(async ({ data }) => {
    await new Promise<void>((resolve) => waiting.push(resolve))
    return { status: 'ok', data }
  })
  return { handler, release: () => waiting.shift()?.() }
}

describe('a request is answered', () => {
  it('in its syntax and the style of the service', async () => {
    const [client, service] = messagePipe()
    const router = createRouter<typeof echo>(echo, { '/': { post: same } })
    const ended = serve(service, router, { context: undefined, style: 'enveloped' })
    await client.send(bytesOf('abcdefgh s.post / 5'))
    await client.send(bytesOf('{"msgId":"abcdefgi","event":"s.post","params":{"resource":"/","data":5}}'))
    client.close()
    await ended
    service.close()
    const answers: string[] = []
    for await (const { bytes } of client) answers.push(new TextDecoder().decode(bytes))
    expect(answers.sort()).toEqual([
      'abcdefgh s.resp.ok 5',
      '{"v":"1","event":"s.resp.ok","params":{"ref":"abcdefgi","data":5}}',
    ])
  })

  it('by the id of the agent where it has none, or a bad one', async () => {
    const sent: Uint8Array[] = []
    const channel = {
      async send(bytes: Uint8Array) {
        sent.push(bytes)
      },
      async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage> {
        yield { bytes: bytesOf('s.post / 5'), id: 'AAAAAAAAAAE' }
        yield { bytes: bytesOf('bad! s.post / 5'), id: 'AAAAAAAAAAI' }
        yield { bytes: bytesOf('s.post / 6') }
      },
    }
    await serve(channel, createRouter<typeof echo>(echo, { '/': { post: same } }), { context: undefined })
    expect(sent.map((bytes) => new TextDecoder().decode(bytes)).sort()).toEqual([
      'AAAAAAAAAAE s.ok 5',
      'AAAAAAAAAAI s.bad_request {"reason":"id"}',
      's.ok 6',
    ])
  })

  it('with too_large where the answer does not fit', async () => {
    const { send, next } = served(() => ({ status: 'ok', data: 'x'.repeat(1000) }), { maxLength: 1000 })
    await send('abcdefgh s.post /')
    expect(await next()).toMatchObject({
      ref: 'abcdefgh',
      status: 'too_large',
      data: { reason: 'response', max: 1000 },
    })
  })

  it('with an error where JSON cannot hold the answer', async () => {
    const onError = vi.fn()
    const { send, next } = served(() => ({ status: 'ok', data: 5n }), { onError })
    await send('abcdefgh s.post /')
    expect(await next()).toMatchObject({ status: 'error', data: { reason: 'error' } })
    expect(onError).toHaveBeenCalledOnce()
  })
})

describe('a repeated request', () => {
  it('gets the stored answer and has no second effect', async () => {
    let calls = 0
    const post = vi.fn<Post>(({ data }) => ({ status: 'ok', data: [data, ++calls] }))
    const { send, next } = served(post)
    for (let i = 0; i < 3; i++) {
      await send('abcdefgh s.post / 5')
      expect(await next()).toMatchObject({ ref: 'abcdefgh', status: 'ok', data: [5, 1] })
    }
    expect(post).toHaveBeenCalledOnce()
  })

  it('waits for the first where that is still running', async () => {
    const { handler, release } = held()
    const { send, next } = served(handler)
    await send('abcdefgh s.post / 5')
    await send('abcdefgh s.post / 5')
    await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce())
    release()
    expect([await next(), await next()]).toMatchObject([{ data: 5 }, { data: 5 }])
    expect(handler).toHaveBeenCalledOnce()
  })

  it('with other content is a conflict, and changes nothing', async () => {
    const { handler, release } = held()
    const { send, next } = served(handler)
    const conflict = { ref: 'abcdefgh', status: 'conflict', data: { reason: 'id_reused' } }
    await send('abcdefgh s.post / 5')
    await send('abcdefgh s.post / 6')
    expect(await next()).toMatchObject(conflict)
    release()
    expect(await next()).toMatchObject({ data: 5 })
    await send('abcdefgh s.post / 6')
    expect(await next()).toMatchObject(conflict)
    await send('abcdefgh s.post / 5')
    expect(await next()).toMatchObject({ data: 5 })
    expect(handler).toHaveBeenCalledOnce()
  })

  it.each(['too_many', 'unavailable', 'error'] as const)('is handled again after %s', async (status) => {
    const post = vi.fn<Post>(() => {
      if (post.mock.calls.length === 1) throw new ServiceFailure(status, { reason: 'now' })
      return { status: 'ok', data: 5 }
    })
    const { send, next } = served(post)
    await send('abcdefgh s.post /')
    expect(await next()).toMatchObject({ status })
    await send('abcdefgh s.post /')
    expect(await next()).toMatchObject({ status: 'ok' })
  })

  it('is not handled again after a final failure', async () => {
    const post = vi.fn<Post>(() => {
      throw new ServiceFailure('forbidden', { reason: 'never' })
    })
    const { send, next } = served(post)
    for (let i = 0; i < 2; i++) {
      await send('abcdefgh s.post /')
      expect(await next()).toMatchObject({ status: 'forbidden', data: { reason: 'never' } })
    }
    expect(post).toHaveBeenCalledOnce()
  })

  it('has no answer of another connection', async () => {
    const answers = memoryAnswers()
    const post = vi.fn<Post>(same)
    for (const options of [{ answers }, { answers }, {}]) {
      const { send, next } = served(post, options)
      await send('abcdefgh s.post / 5')
      expect(await next()).toMatchObject({ data: 5 })
    }
    expect(post).toHaveBeenCalledTimes(2)
  })
})

describe('acknowledgement', () => {
  const message = (text: string, ack: () => Promise<void>): ReceivedMessage => ({ bytes: bytesOf(text), ack })
  const channelOf = (messages: ReceivedMessage[], send: (bytes: Uint8Array) => Promise<void>) => ({
    send,
    async *[Symbol.asyncIterator]() {
      yield* messages
    },
  })
  const router = createRouter<typeof echo>(echo, { '/': { post: same } })

  it('comes after the answer was stored and sent', async () => {
    const steps: string[] = []
    const answers: AnswerStore = { get: async () => undefined, put: async () => void steps.push('stored') }
    const one = message('abcdefgh s.post / 5', async () => void steps.push('acknowledged'))
    const channel = channelOf([one], async () => void steps.push('sent'))
    await serve(channel, router, { context: undefined, answers })
    expect(steps).toEqual(['stored', 'sent', 'acknowledged'])
  })

  it.each(['put', 'send'])('does not come where %s fails', async (step) => {
    const ack = vi.fn(async () => {})
    const onError = vi.fn()
    const fail = async () => {
      throw new Error('broken')
    }
    const answers: AnswerStore = { get: async () => undefined, put: step === 'put' ? fail : async () => {} }
    const channel = channelOf([message('abcdefgh s.post / 5', ack)], step === 'send' ? fail : async () => {})
    await serve(channel, router, { context: undefined, answers, onError })
    expect(ack).not.toHaveBeenCalled()
    expect(onError).toHaveBeenCalledOnce()
  })

  it('of what is no request is left to who takes it', async () => {
    const ack = vi.fn(async () => {})
    const taken: string[] = []
    const messages = ['hello', 'abcdefgh s.ok', '{"event":"x.msg.new"}'].map((text) => message(text, ack))
    const onOther = ({ bytes }: ReceivedMessage) => void taken.push(new TextDecoder().decode(bytes))
    await serve(
      channelOf(messages, async () => {}),
      router,
      { context: undefined, onOther },
    )
    expect(taken).toEqual(['hello', 'abcdefgh s.ok', '{"event":"x.msg.new"}'])
    expect(ack).not.toHaveBeenCalled()
    await serve(
      channelOf(messages, async () => {}),
      router,
      { context: undefined },
    )
    expect(ack).toHaveBeenCalledTimes(3)
  })
})

it('no more requests than allowed are handled at the same time', async () => {
  const { handler, release } = held()
  const { send, next } = served(handler, { concurrency: 2 })
  for (const id of ['abcdefg1', 'abcdefg2', 'abcdefg3']) await send(`${id} s.post /`)
  await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(2))
  release()
  expect(await next()).toMatchObject({ status: 'ok' })
  await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(3))
})

it('the end of the channel waits for what is running', async () => {
  const { handler, release } = held()
  const { send, client, ended } = served(handler, { onError: () => {} })
  await send('abcdefgh s.post /')
  await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce())
  client.close()
  const state = vi.fn()
  void ended.then(state)
  await new Promise((resolve) => setTimeout(resolve))
  expect(state).not.toHaveBeenCalled()
  release()
  await ended
})

it('the signal ends it while it waits for a message', async () => {
  const stop = new AbortController()
  const { ended } = served(same, { signal: stop.signal })
  stop.abort()
  await ended
  await served(same, { signal: stop.signal }).ended
})
