// An HTTPS server for tests to which anybody pushes, and which fails when told to.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createTestIdentity, type TestIdentity } from './authority.js'

/**
 * `hang`: no answer. `drop`: the connection breaks. `half`: it breaks within the answer. `endless`: 200 with a body without end. `trickle`:
 * 200 with a byte of it now and then.
 */
export type EndpointAnswer =
  | 'accepted'
  | 'hang'
  | 'drop'
  | 'half'
  | 'endless'
  | 'trickle'
  | { readonly status: number; readonly retryAfter?: string; readonly location?: string }

export interface EndpointFakeOptions {
  /** 0, any free one, unless given. */
  readonly port?: number
  /** Milliseconds since 1970: what the age of a request is judged by. */
  readonly clock?: () => number
  /** One of its own unless given: several fakes that one client knows must share it. */
  readonly identity?: TestIdentity
}

/** `Received`: what a request without mistakes holds. */
export interface EndpointFake<Received> extends AsyncDisposable {
  /** `https://localhost:PORT`. */
  readonly origin: string
  readonly port: number
  /** The certificate in PEM by which to know it. */
  readonly ca: string
  /** Also what it then refused, by `answer`. */
  readonly received: readonly Received[]
  /** Statuses of its own: of requests in which it found a mistake. */
  readonly mistakes: readonly number[]
  /** How many connections were made so far, and how many are open. */
  readonly connections: { readonly made: number; readonly open: number }
  /** What it answers from now on to requests without mistakes. */
  answer(answer: EndpointAnswer | ((received: Received) => EndpointAnswer)): void
  close(): Promise<void>
}

const maxBody = 65_536

/** `read`: gives what came, or the status that says what is wrong with it. `accepted`: the status of success. */
export async function startEndpointFake<Received>(
  read: (request: IncomingMessage, body: Buffer, origin: string) => Promise<Received | number>,
  { accepted, port = 0, identity = createTestIdentity() }: EndpointFakeOptions & { readonly accepted: number },
): Promise<EndpointFake<Exclude<Received, number>>> {
  type Read = Exclude<Received, number>
  const received: Read[] = []
  const mistakes: number[] = []
  let decide: (received: Read) => EndpointAnswer = () => 'accepted'
  let [made, open] = [0, 0]

  const server = createServer({ key: identity.key, cert: identity.cert }, (request, response) => {
    response.on('error', () => {})
    void handle(request, response).catch(() => response.destroy())
  })
  server.on('connection', (socket) => {
    made++
    open++
    socket.on('close', () => open--)
  })
  server.on('tlsClientError', () => {})
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const listening = (server.address() as AddressInfo).port
  const origin = `https://localhost:${listening}`

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    let length = 0
    for await (const part of request) {
      length += (part as Buffer).length
      if (length > maxBody) break
      parts.push(part as Buffer)
    }
    const result = length > maxBody ? 413 : await read(request, Buffer.concat(parts), origin)
    if (typeof result === 'number') {
      mistakes.push(result)
      return void response.writeHead(result).end()
    }
    received.push(result as Read)
    respond(request, response, decide(result as Read))
  }

  function respond(request: IncomingMessage, response: ServerResponse, answer: EndpointAnswer): void {
    if (answer === 'hang') return
    if (answer === 'drop') return void request.socket.destroy()
    if (answer === 'half') {
      response.writeHead(200, { 'content-length': '100' })
      return void response.write('half', () => request.socket.destroy())
    }
    if (answer === 'endless') {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(1024)));
      }
      response.on('drain', more)
      more()
      return
    }
    if (answer === 'trickle') {
      const timer = setInterval(() => response.write('x'), 5)
      return void response.on('close', () => clearInterval(timer))
    }
    const { status, retryAfter, location } = answer === 'accepted' ? { status: accepted } : answer
    const headers = { ...(retryAfter && { 'retry-after': retryAfter }), ...(location && { location }) }
    response.writeHead(status, headers).end()
  }

  async function close() {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  return {
    origin,
    port: listening,
    ca: identity.ca,
    received,
    mistakes,
    get connections() {
      return { made, open }
    },
    answer(answer) {
      decide = typeof answer === 'function' ? answer : () => answer
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
