// A SOCKS5 proxy (RFC 1928, 1929) that leads every name to this machine, and tells who asked for what.
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface SocksRequest {
  readonly user: string
  readonly host: string
}

export interface Socks {
  readonly port: number
  readonly requests: SocksRequest[]
  stop(): void
}

/** Only what a client with a user name and a server with a domain name need. */
async function serve(socket: Socket, requests: SocksRequest[]): Promise<void> {
  const read = async (length: number): Promise<Buffer> => {
    for (;;) {
      const bytes: Buffer | null = socket.read(length)
      if (bytes) return bytes
      await new Promise((resolve) => socket.once('readable', resolve))
    }
  }
  const readShort = async () => (await read((await read(1)).readUInt8())).toString()
  await read(1)
  await readShort()
  socket.write(Buffer.from([5, 2]))
  await read(1)
  const user = await readShort()
  await readShort()
  socket.write(Buffer.from([1, 0]))
  await read(4)
  requests.push({ user, host: await readShort() })
  const target = connect((await read(2)).readUInt16BE(), '127.0.0.1')
  for (const end of [socket, target])
    end.on('error', () => {}).on('close', () => [socket, target].map((one) => one.destroy()))
  socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
  socket.pipe(target).pipe(socket)
}

export async function startSocks(): Promise<Socks> {
  const requests: SocksRequest[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    void serve(socket, requests)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return {
    port: address.port,
    requests,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
