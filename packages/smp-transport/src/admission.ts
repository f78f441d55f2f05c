// Spec 03 §1: how many connections a server holds, by address and before it knows anything of the peer.
import type { Socket } from 'node:net'
import { SmpTransportError } from './errors.js'

export interface AdmissionLimits {
  /** Connections in all. Default 20 000. */
  maxConnections?: number
  /** Connections from one IP address. Default 1000. */
  maxConnectionsPerAddress?: number
  /** Connections whose handshake is not done: one more ends the one that has taken longest. Default 1000. */
  maxHandshakes?: number
}

/** Counts the sockets that were let in until they close. */
export class Admission {
  readonly #limits: Required<AdmissionLimits>
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()
  readonly #unfinished = new Set<Socket>()

  constructor(limits: AdmissionLimits) {
    this.#limits = {
      maxConnections: limits.maxConnections ?? 20_000,
      maxConnectionsPerAddress: limits.maxConnectionsPerAddress ?? 1000,
      maxHandshakes: limits.maxHandshakes ?? 1000,
    }
  }

  /** Lets a socket in, or says why not. */
  enter(socket: Socket): string | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxHandshakes } = this.#limits
    const address = socket.remoteAddress ?? ''
    const fromAddress = this.#perAddress.get(address) ?? 0
    if (this.#sockets.size >= maxConnections) return `expected at most ${maxConnections} connections`
    if (fromAddress >= maxConnectionsPerAddress) {
      return `expected at most ${maxConnectionsPerAddress} connections from one address`
    }
    if (this.#unfinished.size >= maxHandshakes) {
      // Refusing the new one instead would let a thousand idle connections lock everybody out.
      const [oldest] = this.#unfinished
      if (oldest) this.#giveUp(oldest, 'LIMIT', `expected at most ${maxHandshakes} unfinished handshakes`)
    }
    this.#sockets.add(socket)
    this.#unfinished.add(socket)
    this.#perAddress.set(address, fromAddress + 1)
    socket.once('close', () => this.#leave(socket, address))
    return undefined
  }

  /** The handshake is done. */
  finish(socket: Socket): void {
    this.#unfinished.delete(socket)
  }

  destroyUnfinished(): void {
    for (const socket of this.#unfinished) this.#giveUp(socket, 'CLOSED', 'the server was closed')
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #giveUp(socket: Socket, code: 'LIMIT' | 'CLOSED', message: string): void {
    this.#unfinished.delete(socket)
    socket.destroy(new SmpTransportError(code, message))
  }

  #leave(socket: Socket, address: string): void {
    this.#sockets.delete(socket)
    this.#unfinished.delete(socket)
    const others = (this.#perAddress.get(address) ?? 1) - 1
    if (others > 0) this.#perAddress.set(address, others)
    else this.#perAddress.delete(address)
  }
}
