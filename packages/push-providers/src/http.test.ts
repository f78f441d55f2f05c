import { once } from 'node:events'
import { Agent, createServer, type RequestOptions, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { maxReplyLength, postHttps, statusReason } from './http.js'
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

test('waiting for a connection that another request has is no failure to connect', async () => {
  const single = new Agent({ keepAlive: true, ca: identity.ca, maxSockets: 1 })
  const first = post('/hang', { agent: single }, { signal, timeoutMs: 5000 })
  expect(await post('/echo', { agent: single }, { signal, timeoutMs: 30 })).toEqual({ failed: 'timeout' })
  single.destroy()
  expect(await first).toMatchObject({ failed: expect.any(String) })
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

const text = (...lines: string[]) => [...lines, '', ''].join('\r\n')
const reply = (status: number, body = '') => ({ status, retryAfter: undefined, body })

/** Writes without an end. */
function flood(socket: TLSSocket, part: string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(part));
  }
  socket.on('drain', more)
  more()
}

test.each<[string, string | ((socket: TLSSocket) => void), object]>([
  ['no HTTP', text('hello'), { failed: 'lost' }],
  ['another protocol', text('HTTP/1.1 101 Switch', 'connection: upgrade', 'upgrade: x'), { failed: 'lost' }],
  ['what comes first', text('HTTP/1.1 103 Hints', '', 'HTTP/1.1 201 Created', 'content-length: 0'), reply(201)],
  ['a body until the end', (socket) => socket.end(`${text('HTTP/1.1 200 OK')}body`), reply(200, 'body')],
  ['trailers', text('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '1', 'a', '0', 'x: y'), reply(200, 'a')],
  ['headers without an end', (socket) => flood(socket, 'x: y\r\n'), { failed: 'lost' }],
  ['no answer but hints without an end', (socket) => flood(socket, text('HTTP/1.1 103 Hints')), { failed: 'timeout' }],
])('of a far end that sends %s', async (_, answer, result) => {
  const sockets = new Set<TLSSocket>()
  const far = createTlsServer(identity, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      if (typeof answer === 'function') return answer(socket)
      socket.write(answer)
    })
  }).listen(0, '127.0.0.1')
  await once(far, 'listening')
  const fresh = new Agent({ ca: identity.ca })
  // The other ones end by themselves.
  const options = { signal, timeoutMs: 1000 }
  const { port: farPort } = far.address() as AddressInfo
  expect(await post('/', { agent: fresh, port: farPort }, options)).toEqual(result)
  fresh.destroy()
  for (const socket of sockets) socket.destroy()
  far.close()
})

test('reasons are few, whatever is answered', () => {
  const reasons = Array.from({ length: 1000 }, (_, status) => statusReason(status))
  expect(new Set(reasons).size).toBeLessThan(80)
  expect([200, 404, 599, 999].map(statusReason)).toEqual(['http-200', 'http-404', 'http-other', 'http-other'])
})
