// A SOCKS5 proxy for tests (RFC 1928, 1929): it connects wherever a test wants, and says what it was asked for.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { SocksProxy } from '../socks.js'
import { cleanUpLater } from './fixtures.js'

export interface SocksRequest {
  /** 1: IPv4, 3: name, 4: IPv6. */
  readonly addressType: number
  /** The name as it came; IP addresses in the spelling of bytes: `127.0.0.1`, or 32 hexadecimal digits. */
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
}

export interface SocksServerOptions {
  /** Where a request leads to: a port here, or the code of a refusal. */
  route?: (request: SocksRequest) => { port: number } | { refuse: number }
  /** What it wants in place of any user name, or of none. */
  credentials?: { username: string; password: string }
  /** Does something else than SOCKS, from the first byte on. */
  instead?: (socket: Socket) => void
  /** After which of its steps it ends the connection, or says nothing more. */
  stop?: { after: 'greeting' | 'authentication' | 'request' | 'reply'; how: 'close' | 'silence' }
}

export interface SocksServer {
  readonly port: number
  readonly requests: SocksRequest[]
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>
}

/** Reads exact numbers of bytes. */
async function* bytesOf(socket: Socket): AsyncGenerator<Buffer, undefined, number> {
  let length = yield Buffer.alloc(0)
  for (;;) {
    let bytes: Buffer | null = socket.read(length)
    while (bytes === null) {
      if (socket.readableEnded || socket.destroyed) return undefined
      await new Promise<void>((resolve) => {
        for (const event of ['readable', 'end', 'close']) socket.once(event, () => resolve())
      })
      bytes = socket.read(length)
    }
    length = yield bytes
  }
}

class Ended extends Error {}

async function serve(socket: Socket, options: SocksServerOptions, requests: SocksRequest[]): Promise<void> {
  const { credentials, stop, route = ({ port }) => ({ port }) } = options
  const reader = bytesOf(socket)
  await reader.next(0)
  const read = async (length: number): Promise<Buffer> => {
    if (length === 0) return Buffer.alloc(0)
    const { value } = await reader.next(length)
    if (!value) throw new Ended()
    return value
  }
  const byte = async () => (await read(1))[0] ?? 0
  const text = async () => (await read(await byte())).toString('utf8')
  const done = (step: 'greeting' | 'authentication' | 'request' | 'reply') => {
    if (stop?.after !== step) return
    if (stop.how === 'close') socket.end()
    // What comes is dropped, so that the end of the connection is seen.
    else socket.removeAllListeners('readable').resume()
    throw new Ended()
  }

  if ((await byte()) !== 5) throw new Ended()
  const methods = [...(await read(await byte()))]
  done('greeting')
  const authenticates = methods.includes(2)
  if (credentials && !authenticates) {
    socket.end(Uint8Array.of(5, 255))
    return
  }
  socket.write(Uint8Array.of(5, authenticates ? 2 : 0))
  let username: string | undefined
  let password: string | undefined
  if (authenticates) {
    if ((await byte()) !== 1) throw new Ended()
    username = await text()
    password = await text()
    done('authentication')
    const accepted = !credentials || (credentials.username === username && credentials.password === password)
    if (!accepted) {
      socket.end(Uint8Array.of(1, 1))
      return
    }
    socket.write(Uint8Array.of(1, 0))
  }
  const [, , , addressType = 0] = await read(4)
  const host =
    addressType === 3
      ? await text()
      : addressType === 1
        ? [...(await read(4))].join('.')
        : (await read(16)).toString('hex')
  const request = { addressType, host, port: (await read(2)).readUInt16BE(), username, password }
  requests.push(request)
  done('request')
  const to = route(request)
  const reply = (code: number) => Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0)
  if ('refuse' in to) {
    socket.end(reply(to.refuse))
    return
  }
  const target = connect(to.port, '127.0.0.1')
  target.on('error', () => socket.destroy())
  target.on('close', () => socket.destroy())
  socket.on('close', () => target.destroy())
  await new Promise<void>((resolve) => target.once('connect', resolve))
  socket.write(reply(0))
  done('reply')
  socket.pipe(target)
  target.pipe(socket)
}

/** Options for a connection through it. */
export const through = ({ port }: { port: number }, more: Partial<SocksProxy> = {}) => ({
  socks: { host: '127.0.0.1', port, ...more },
})

/** It ends with the test. */
export async function startSocks(options: SocksServerOptions = {}): Promise<SocksServer> {
  const sockets = new Set<Socket>()
  const requests: SocksRequest[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    if (options.instead) return options.instead(socket)
    serve(socket, options, requests).catch((error: unknown) => {
      if (!(error instanceof Ended)) throw error
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  cleanUpLater(close)
  return { port: (server.address() as AddressInfo).port, requests, sockets }
}
