// Between a client and PostgreSQL: cuts the connection at a commit, before the server gets it or before the client gets the answer.
import net from 'node:net'

export interface CuttingProxy {
  /** The URL by which the database is reached through it. */
  readonly url: string
  /** The next commit is the one. */
  cut(when: 'before' | 'after'): void
  close(): Promise<void>
}

export async function cuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url)
  let next: 'before' | 'after' | undefined
  const sockets = new Set<net.Socket>()

  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port || 5432), target.hostname)
    let isCut = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', (bytes) => {
      if (isCut) return
      if (next === undefined || !bytes.includes('COMMIT\0')) return void upstream.write(bytes)
      // The server is not told that the client is gone: it finds its old connection still there.
      isCut = true
      if (next === 'after') upstream.write(bytes)
      next = undefined
      client.destroy()
    })
    upstream.on('data', (bytes) => {
      if (!isCut) client.write(bytes)
    })
    client.on('close', () => isCut || upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.host = `127.0.0.1:${(server.address() as net.AddressInfo).port}`

  return {
    url: through.href,
    cut: (when) => {
      next = when
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
