// Over HTTP: metrics, whether the process is alive, and whether it serves.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HostPort } from './config-types.js'

export interface HttpSources {
  /** The text that Prometheus reads. */
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  /** `undefined` once clients are served, else what is waited for. */
  notReady(): string | undefined
}

export interface HttpListener extends AsyncDisposable {
  readonly port: number
  close(): Promise<void>
}

/** Rejects if the address cannot be listened on. */
export async function listenHttp({ host, port }: HostPort, sources: HttpSources): Promise<HttpListener> {
  const server = http.createServer((request, response) => {
    answer(request, sources)
      .catch(() => ({ status: 500, type: plain, text: 'failed\n' }))
      .then(({ status, type, text }) => {
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
        response.end(request.method === 'HEAD' ? undefined : text)
      })
  })
  server.requestTimeout = 10_000
  await listening(server, () => server.listen(port, host))
  const close = () => closed(server)
  return {
    port: (server.address() as AddressInfo).port,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const plain = 'text/plain; charset=utf-8'

interface Page {
  readonly status: number
  readonly type: string
  readonly text: string
}

async function answer({ method, url = '' }: http.IncomingMessage, sources: HttpSources): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: plain, text: 'expected GET\n' }
  const check = (problem: string | undefined): Page => ({
    status: problem === undefined ? 200 : 503,
    type: plain,
    text: `${problem ?? 'ok'}\n`,
  })
  switch (url.split('?')[0]) {
    case '/metrics':
      return { status: 200, ...(await sources.metrics()) }
    case '/healthz':
      // A server that cannot go on ends: a process that answers is alive.
      return check(undefined)
    case '/readyz':
      return check(sources.notReady())
    default:
      return { status: 404, type: plain, text: 'expected /metrics, /healthz or /readyz\n' }
  }
}

export async function listening(server: http.Server, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    listen()
  })
}

export async function closed(server: http.Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
