import { describe, expect, it, vi } from 'vitest'
import type { Answer } from './answer.js'
import { type ClientOptions, type Clock, createClient } from './client.js'
import { readMessage, type ServiceRequest } from './read-message.js'
import { shop } from './testing/shop.js'
import { encodeResponse } from './write-message.js'

/** A client, what it sent, and answers to it. */
function made(options: ClientOptions = {}) {
  const sent: Uint8Array[] = []
  const send = vi.fn(async (bytes: Uint8Array, _: { signal?: AbortSignal } = {}) => void sent.push(bytes))
  const client = createClient(shop, { send }, options)
  const last = () => readMessage(sent.at(-1) ?? new Uint8Array()) as ServiceRequest
  const answer = (answer: Answer) => client.receive(encodeResponse({ ref: last().id, ...answer }))
  return { client, send, last, answer }
}

/** A clock that only runs when told. */
function stoppedClock(): Clock & { run(): void; readonly delays: number[] } {
  const callbacks = new Map<() => void, number>()
  return {
    schedule(callback, delay) {
      callbacks.set(callback, delay)
      return () => callbacks.delete(callback)
    },
    run: () => [...callbacks.keys()].forEach((callback) => void callback()),
    get delays() {
      return [...callbacks.values()]
    },
  }
}

describe('a request', () => {
  it('is sent with all that it has, and resolves with its answer', async () => {
    const { client, last, answer } = made()
    const item = client.request('get', '/items/:id', undefined, { params: { id: 'a/b' }, id: 'abcdefgh' })
    expect(last()).toMatchObject({ id: 'abcdefgh', method: 'get', resource: '/items/a%2Fb', data: undefined })
    expect(answer({ status: 'ok', data: { id: 'a/b', price: 5, more: 6 } })).toBe(true)
    expect(await item).toEqual({ status: 'ok', data: { id: 'a/b', price: 5 } })

    const items = client.request('get', '/items', undefined, { query: { limit: 5 } })
    expect(last()).toMatchObject({ resource: '/items', query: { limit: '5' } })
    answer({ status: 'ok', data: [] })
    expect(await items).toEqual({ status: 'ok', data: [] })

    const post = client.request('post', '/items', { price: 5 })
    expect(last()).toMatchObject({ method: 'post', data: { price: 5 } })
    answer({ status: 'accepted', data: { any: 'thing' } })
    expect(await post).toEqual({ status: 'accepted' })
  })

  it('is written in the syntax of the client', async () => {
    const { client, last, answer } = made({ syntax: 'text' })
    const name = client.request('get', '/')
    expect(last().syntax).toBe('text')
    answer({ status: 'ok', data: { name: 'a' } })
    await name
  })

  it('has an id of its own, and gets its own answer', async () => {
    const { client, last } = made()
    const first = client.request('get', '/')
    const firstId = last().id
    const second = client.request('get', '/')
    const secondId = last().id
    expect(firstId).not.toBe(secondId)
    client.receive(encodeResponse({ ref: secondId, status: 'ok', data: { name: 'second' } }))
    client.receive(encodeResponse({ ref: firstId, status: 'ok', data: { name: 'first' } }))
    expect(await Promise.all([first, second])).toMatchObject([
      { data: { name: 'first' } },
      { data: { name: 'second' } },
    ])
  })

  it('may be repeated with its id once it does not wait any more', async () => {
    const clock = stoppedClock()
    const { client, last, answer } = made({ clock })
    const first = client.request('get', '/', undefined, { id: 'abcdefgh' })
    await expect(client.request('get', '/', undefined, { id: 'abcdefgh' })).rejects.toMatchObject({ code: 'INVALID' })
    clock.run()
    await expect(first).rejects.toMatchObject({ code: 'TIMEOUT' })
    const second = client.request('get', '/', undefined, { id: 'abcdefgh' })
    expect(last().id).toBe('abcdefgh')
    answer({ status: 'ok', data: { name: 'a' } })
    await expect(second).resolves.toMatchObject({ status: 'ok' })
  })
})

it('a request that could not be sent in time does not end its repeat', async () => {
  const clock = stoppedClock()
  const { client, send, answer } = made({ clock })
  let refuse = () => {}
  send.mockImplementationOnce(() => new Promise((_, reject) => (refuse = () => reject(new Error('too late')))))
  const first = client.request('get', '/', undefined, { id: 'abcdefgh' })
  clock.run()
  await expect(first).rejects.toMatchObject({ code: 'TIMEOUT' })
  const second = client.request('get', '/', undefined, { id: 'abcdefgh' })
  refuse()
  await new Promise((resolve) => setTimeout(resolve))
  expect(answer({ status: 'ok', data: { name: 'a' } })).toBe(true)
  expect(await second).toMatchObject({ data: { name: 'a' } })
})

describe('a failure of the service', () => {
  it.each([
    ['not_found', false],
    ['conflict', false],
    ['too_many', true],
    ['unavailable', true],
    ['error', true],
    ['teapot', false],
  ])('%s rejects with its status and data', async (status, temporary) => {
    const { client, answer } = made()
    const name = client.request('get', '/')
    const data = { reason: 'why', retryAfter: 5 }
    answer({ status, data })
    await expect(name).rejects.toMatchObject({ name: 'ServiceStatusError', code: 'STATUS', status, data, temporary })
  })

  it.each([[undefined], [null], ['text'], [[]], [{ reason: 5 }]])(
    'has a reason also where its data is %j',
    async (data) => {
      const { client, answer } = made()
      const name = client.request('get', '/')
      answer({ status: 'gone', data })
      await expect(name).rejects.toMatchObject({ data: { reason: 'unknown' } })
    },
  )

  it('is told without what the service wrote', async () => {
    const { client, answer } = made()
    const name = client.request('get', '/')
    answer({ status: 'hunter2', data: { reason: 'hunter2', message: 'hunter2' } })
    await expect(name).rejects.toMatchObject({ message: 'the service answered an unknown status' })
  })
})

describe('a request fails on our side', () => {
  it('after its timeout, by default of a minute', async () => {
    const clock = stoppedClock()
    const { client, send } = made({ clock })
    const name = client.request('get', '/')
    const other = client.request('get', '/', undefined, { timeout: 5 })
    expect(clock.delays).toEqual([60_000, 5])
    clock.run()
    await expect(name).rejects.toMatchObject({ name: 'ServiceClientError', code: 'TIMEOUT', temporary: true })
    await expect(other).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(send.mock.calls[0]?.[1]?.signal?.aborted).toBe(true)
  })

  it('with the caller, before and after it was sent', async () => {
    const clock = stoppedClock()
    const { client, send } = made({ clock })
    const stop = new AbortController()
    const name = client.request('get', '/', undefined, { signal: stop.signal })
    stop.abort('enough')
    await expect(name).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
    await expect(client.request('get', '/', undefined, { signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect(send).toHaveBeenCalledOnce()
    expect(clock.delays).toEqual([])
  })

  it('before anything is sent where it is too large or cannot be written', async () => {
    const { client, send } = made({ maxLength: 80 })
    const long = { params: { id: 'x'.repeat(100) } }
    await expect(client.request('get', '/items/:id', undefined, long)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await expect(client.request('get', '/items/:id', undefined, { params: { id: '\ud800' } })).rejects.toMatchObject({
      code: 'INVALID',
    })
    await expect(client.request('get', '/items/:id', undefined, { params: { id: '..' } })).rejects.toMatchObject({
      code: 'INVALID',
    })
    expect(send).not.toHaveBeenCalled()
  })

  it('where the channel refuses it', async () => {
    const { client, send } = made()
    const cause = new Error('no connection')
    send.mockRejectedValueOnce(cause)
    await expect(client.request('get', '/')).rejects.toMatchObject({ code: 'CLOSED', cause, temporary: true })
    send.mockImplementationOnce(() => {
      throw cause
    })
    await expect(client.request('get', '/')).rejects.toMatchObject({ code: 'CLOSED', cause })
  })

  it('when the client is closed', async () => {
    const { client, send } = made()
    const name = client.request('get', '/')
    client.close()
    await expect(name).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(client.request('get', '/')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(send).toHaveBeenCalledOnce()
  })

  it.each([
    ['has wrong data', { status: 'ok', data: { name: 5 } }],
    ['has no data', { status: 'ok' }],
    ['has another status', { status: 'created', data: { name: 'a' } }],
  ])('where the answer %s', async (_, answered) => {
    const { client, answer } = made()
    const name = client.request('get', '/')
    answer(answered)
    await expect(name).rejects.toMatchObject({ code: 'ANSWER', temporary: false })
  })

  it('where the data of the answer is broken, also if none was expected', async () => {
    const { client, last } = made()
    const gone = client.request('delete', '/items/:id', undefined, { params: { id: 'a' } })
    client.receive(new TextEncoder().encode(`${last().id} s.ok {`))
    await expect(gone).rejects.toMatchObject({ code: 'ANSWER' })
  })
})

describe('what comes', () => {
  it('is taken only if it answers a request that waits', async () => {
    const { client, last } = made()
    const receive = (text: string) => client.receive(new TextEncoder().encode(text))
    expect(receive('abcdefgh s.ok')).toBe(false)
    const gone = client.request('delete', '/items/:id', undefined, { params: { id: 'a' } })
    const { id } = last()
    for (const text of [
      'hello',
      '',
      '{',
      'abcdefgh s.ok',
      's.ok',
      `${id} s.get /`,
      `{"event":"x.ok","params":{"ref":"${id}"}}`,
    ]) {
      expect(receive(text)).toBe(false)
    }
    expect(receive(`{"event":"s.resp.ok","params":{"ref":"${id}"}}`)).toBe(true)
    expect(receive(`${id} s.ok`)).toBe(false)
    expect(await gone).toEqual({ status: 'ok' })
  })
})
