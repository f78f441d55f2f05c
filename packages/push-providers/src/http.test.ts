import { once } from 'node:events'
import { Agent, createServer, type RequestOptions, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { maxReplyLength, postHttps } from './http.js'
import { createTestIdentity } from './testing/authority.js'

const identity = createTestIdentity()
const agent = new Agent({ keepAlive: true, ca: identity.ca })
const signal = new AbortController().signal
let server: Server
let port = 0
let hits = 0

beforeAll(async () => {
  server = createServer(identity, async (request, response) => {
    hits++
    let body = ''
    for await (const part of request) body += part
    switch (request.url) {
      case '/echo':
        response.writeHead(201, { 'retry-after': '7' }).end(`${request.method} ${request.headers['x-name']} ${body}`)
        break
      case '/redirect':
        response.writeHead(302, { location: '/echo' }).end()
        break
      case '/endless': {
        response.writeHead(200)
        const more = () => {
          while (response.write('x'.repeat(1000)));
        }
        response.on('drain', more)
        more()
        break
      }
      case '/half':
        response.writeHead(200, { 'content-length': '100' })
        response.write('half', () => request.socket.destroy())
        break
      case '/drop':
        request.socket.destroy()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  agent.destroy()
  server.closeAllConnections()
  server.close()
})

const post = (path: string, more: RequestOptions & { agent?: Agent } = {}, options = { signal, timeoutMs: 5000 }) =>
  postHttps({ agent, host: 'localhost', port, path, ...more }, 'body', options)

test('an answer comes with its status, its delay and its body', async () => {
  const reply = { status: 201, retryAfter: '7', body: 'POST n body' }
  expect(await post('/echo', { headers: { 'x-name': 'n' } })).toEqual(reply)
})

test('a redirect is an answer', async () => {
  const before = hits
  expect(await post('/redirect')).toEqual({ status: 302, retryAfter: undefined, body: '' })
  expect(hits).toBe(before + 1)
})

test('an endless answer is cut', async () => {
  const reply = await post('/endless')
  expect(reply).toMatchObject({ status: 200, body: 'x'.repeat(maxReplyLength) })
})

test('lost in the middle is lost', async () => {
  expect(await post('/drop')).toEqual({ failed: 'lost' })
  expect(await post('/half')).toEqual({ failed: 'lost' })
})

test('lost on a connection that another request has handed over is lost, too', async () => {
  const single = new Agent({ keepAlive: true, ca: identity.ca, maxSockets: 1 })
  const answers = await Promise.all([post('/echo', { agent: single }), post('/drop', { agent: single })])
  expect(answers).toMatchObject([{ status: 201 }, { failed: 'lost' }])
  single.destroy()
})

test('nobody there, and an authority that is not trusted, are no connection', async () => {
  expect(await post('/echo', { port: 1 })).toEqual({ failed: 'connect' })
  const before = hits
  expect(await post('/echo', { agent: new Agent({ ca: createTestIdentity().ca }) })).toEqual({ failed: 'connect' })
  expect(hits).toBe(before)
})

test('silence ends with the time-out or the abort', async () => {
  await post('/echo')
  expect(await post('/hang', {}, { signal, timeoutMs: 30 })).toEqual({ failed: 'timeout' })
  const abort = new AbortController()
  setTimeout(() => abort.abort(), 20)
  expect(await post('/hang', {}, { signal: abort.signal, timeoutMs: 5000 })).toEqual({ failed: 'aborted' })
  const before = hits
  expect(await post('/echo', {}, { signal: AbortSignal.abort(), timeoutMs: 5000 })).toEqual({ failed: 'aborted' })
  expect(hits).toBe(before)
})

test('connections are used again, and stay usable after a failure', async () => {
  const sockets = new Set<unknown>()
  server.on('secureConnection', (socket) => sockets.add(socket))
  const fresh = new Agent({ keepAlive: true, ca: identity.ca })
  for (let i = 0; i < 3; i++) expect(await post('/echo', { agent: fresh })).toMatchObject({ status: 201 })
  expect(sockets.size).toBe(1)
  expect(await post('/drop', { agent: fresh })).toEqual({ failed: 'lost' })
  expect(await post('/echo', { agent: fresh })).toMatchObject({ status: 201 })
  fresh.destroy()
})
