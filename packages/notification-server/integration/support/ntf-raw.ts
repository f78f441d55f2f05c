// Spec 20 §1, §3: TLS and blocks of 512 bytes by hand, for what no client of ours would send.
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { ntfPortOf } from '@smpkit/ntf-protocol'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { tlsParameters } from '@smpkit/smp-transport/internal'

export const blockSize = 512

/** What the server's hello says. */
export interface ServerHello {
  readonly min: number
  readonly max: number
  readonly sessionId: Uint8Array
  /** What follows: the signed key with its length, or nothing. */
  readonly rest: Uint8Array
}

export class NtfRaw {
  readonly #socket: TLSSocket
  #received = Buffer.alloc(0)
  #wake = () => {}
  isOpen = true

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isOpen = false
      this.#wake()
    })
  }

  /** @param alpn what is offered; default: nothing */
  static async connect(address: ServerAddress, alpn: readonly string[] = []): Promise<NtfRaw> {
    const socket = connect({
      ...tlsParameters(),
      host: address.hosts[0]?.text ?? '',
      port: ntfPortOf(address),
      rejectUnauthorized: false,
      ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    })
    await once(socket, 'secureConnect')
    return new NtfRaw(socket)
  }

  /** By the TLS connection, as both ends know it. */
  get sessionId(): Uint8Array {
    return new Uint8Array(this.#socket.getFinished() ?? [])
  }

  get alpn(): string | null {
    return this.#socket.alpnProtocol || null
  }

  /** The online certificate, DER. */
  get leaf(): Uint8Array {
    return new Uint8Array(this.#socket.getPeerX509Certificate()?.raw ?? [])
  }

  /** The next block as it came. @throws Error where the connection ends before */
  async block(): Promise<Uint8Array> {
    while (this.#received.length < blockSize) {
      if (!this.isOpen) throw new Error(`expected a block, the connection ended after ${this.#received.length} bytes`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const block = this.#received.subarray(0, blockSize)
    this.#received = this.#received.subarray(blockSize)
    return new Uint8Array(block)
  }

  async hello(): Promise<ServerHello> {
    const content = contentOf(await this.block())
    const view = new DataView(content.buffer, content.byteOffset)
    const end = 5 + (content[4] as number)
    return {
      min: view.getUint16(0),
      max: view.getUint16(2),
      sessionId: content.subarray(5, end),
      rest: content.subarray(end),
    }
  }

  /** The client's hello, with whatever comes behind it. */
  greet(version: number, fingerprint: Uint8Array, behind: Uint8Array = new Uint8Array(0)): Promise<void> {
    return this.send(Uint8Array.of(version >> 8, version & 255, fingerprint.length, ...fingerprint, ...behind))
  }

  /** A block. `length`: what it says in place of the length of its content. */
  send(content: Uint8Array, length = content.length): Promise<void> {
    const block = Buffer.alloc(blockSize, '#')
    block.writeUInt16BE(length)
    block.set(content, 2)
    return this.write(block)
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()))
  }

  /** Settles when the server has ended it: whether it had sent nothing more. */
  async ended(): Promise<boolean> {
    while (this.isOpen) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received.length === 0
  }

  /** At once: what the server has not answered is never read. */
  destroy(): void {
    this.#socket.destroy()
  }
}

/** What a block holds. @throws Error for other padding than `#` */
export function contentOf(block: Uint8Array): Uint8Array {
  const length = new DataView(block.buffer, block.byteOffset).getUint16(0)
  const [content, padding] = [block.subarray(2, 2 + length), block.subarray(2 + length)]
  if (padding.some((byte) => byte !== 0x23)) throw new Error('expected padding of #')
  return content
}
