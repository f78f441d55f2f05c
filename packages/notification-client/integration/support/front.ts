// Spec 20 §1: between clients and a server of the NTF protocol: connections that break at a chosen command, or that cannot be made.
import net from 'node:net'

export interface Front {
  readonly port: number
  /** Commands of clients that have come so far, as blocks. */
  readonly commands: number
  /**
   * Breaks a connection at one of the next commands (1: the next one), `before` the server gets it or `after` it has answered; settles when
   * that is done.
   */
  cut(when: 'before' | 'after', nth?: number): Promise<void>
  /** Breaks all connections, and lets none be made until `allow`: as when the server is away. */
  refuse(): void
  /** Lets nothing through any more, and breaks nothing, until `allow`: as when the server hangs. */
  hold(): void
  allow(): void
  close(): Promise<void>
}

/** A block of 512 bytes as a record of TLS: with its type and tag. */
const isBlock = (type: number, length: number) => type === 23 && length >= 528 && length <= 530

/** The blocks that end in the bytes of one direction. */
class Records {
  #rest: Buffer = Buffer.alloc(0)

  blocksIn(bytes: Buffer): number {
    let blocks = 0
    let rest: Buffer = Buffer.concat([this.#rest, bytes])
    for (;;) {
      const length = rest.length < 5 ? Number.POSITIVE_INFINITY : rest.readUInt16BE(3)
      if (rest.length < 5 + length) break
      if (isBlock(rest[0] ?? 0, length)) blocks++
      rest = rest.subarray(5 + length)
    }
    this.#rest = rest
    return blocks
  }
}

export async function startFront(target: { readonly host: string; readonly port: number }): Promise<Front> {
  const sockets = new Set<net.Socket>()
  let commands = 0
  let isRefusing = false
  let isHolding = false
  let next: { when: 'before' | 'after'; left: number; done(): void } | undefined

  const server = net.createServer((client) => {
    if (isRefusing) return void client.destroy()
    const upstream = net.connect(target.port, target.host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    const [fromClient, fromServer] = [new Records(), new Records()]
    let isHandshakeDone = false
    let isAwaited = false
    const end = () => {
      next?.done()
      next = undefined
      client.destroy()
      upstream.destroy()
    }
    client.on('data', (bytes) => {
      if (isHolding) return
      let blocks = fromClient.blocksIn(bytes)
      // The first block says which version.
      if (!isHandshakeDone && blocks > 0) {
        isHandshakeDone = true
        blocks--
      }
      commands += blocks
      if (next && blocks > 0) {
        next.left -= blocks
        if (next.left <= 0 && next.when === 'before') return end()
        isAwaited = next.left <= 0
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (isHolding) return
      if (isAwaited) {
        if (fromServer.blocksIn(bytes) > 0) end()
        return
      }
      fromServer.blocksIn(bytes)
      client.write(bytes)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const breakAll = () => {
    for (const socket of sockets) socket.destroy()
  }

  return {
    port: (server.address() as net.AddressInfo).port,
    get commands() {
      return commands
    },
    cut: (when, nth = 1) =>
      new Promise((done) => {
        next = { when, left: nth, done }
      }),
    refuse() {
      isRefusing = true
      breakAll()
    },
    hold() {
      isHolding = true
    },
    allow() {
      isRefusing = false
      // What was held back is missing from these connections.
      if (isHolding) breakAll()
      isHolding = false
    },
    close() {
      breakAll()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
