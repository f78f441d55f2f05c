// Servers that a pool can connect to, or not.
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { serverKey } from '@smpkit/smp-commands/address'
import type { Connect, ConnectOptions } from '../connect.js'
import type { PairEnd } from './connection-pair.js'
import { type FakeOptions, type FakePeer, fakeConnection, type Handler, ok } from './fake-server.js'

/** What `connect` of an unreachable server fails with. */
export class Unreachable extends Error {
  readonly temporary: boolean

  constructor(readonly code = 'NETWORK') {
    super('unreachable')
    this.temporary = code === 'NETWORK'
  }
}

let number = 0

export function address(): ServerAddress {
  const keyHash = new Uint8Array(32).fill(++number)
  return { hosts: [{ type: 'domain', text: `server-${number}.test` }], port: '', keyHash }
}

export class FakeNetwork {
  handler: Handler = ok
  options: FakeOptions | ((options: ConnectOptions) => FakeOptions) = {}
  /** Connecting fails with it. */
  failure: Error | undefined
  /** Connecting does not come to an end while it is set. */
  stuck = false
  attempts = 0
  concurrent = 0
  maxConcurrent = 0
  readonly peers: FakePeer[] = []
  readonly connections: PairEnd<unknown>[] = []
  readonly servers: string[] = []

  readonly connect: Connect = async (server, options) => {
    this.attempts++
    this.maxConcurrent = Math.max(this.maxConcurrent, ++this.concurrent)
    try {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.stuck) {
        await new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(new Error('gave up'))))
      }
      if (this.failure) throw this.failure
      const fake = typeof this.options === 'function' ? this.options(options) : this.options
      const { connection, peer } = fakeConnection((command, peer) => this.handler(command, peer), fake)
      this.peers.push(peer)
      this.connections.push(connection)
      this.servers.push(serverKey(server))
      return connection
    } finally {
      this.concurrent--
    }
  }

  get peer(): FakePeer {
    const peer = this.peers.at(-1)
    if (!peer) throw new Error('expected a connection')
    return peer
  }

  cut(error?: Error): void {
    this.connections.at(-1)?.end(error ?? new Error('cut'))
  }
}
