// Spec 03 §3, §3.5, §4: blocks of a fixed size over a connection, padded or encrypted, with bounded buffers.
import type { TLSSocket } from 'node:tls'
import { type BlockChain, CryptoError } from '@smpkit/crypto'
import { DecodeError, padInto, unpad } from '@smpkit/encoding'
import { longestTimer } from './deadline.js'
import { SmpTransportError, socketError } from './errors.js'
import { WriteBuffers } from './write-buffers.js'

export interface ChannelOptions {
  /** Blocks that wait to be taken before the peer is slowed down; what the socket buffers comes on top. Default 16. */
  inboundBlocks?: number
  /** Blocks that wait to be written, beyond the socket's buffer, before `send` fails. Default 256. */
  outboundBlocks?: number
  /**
   * Ends a connection in which no block could be written for so long, or in which what was sent before `close` could not.
   * Milliseconds, default 60 000.
   */
  writeTimeout?: number
  /** Ends a connection in which no whole block came or went for so long, in milliseconds. Default: never. */
  idleTimeout?: number
}

/** One for each direction: a block of the stream is the next block of its chain. */
export interface BlockChains {
  send: BlockChain
  receive: BlockChain
}

/** How often it is looked at whether the peer reads, at most, and how long buffers outlive a burst, in milliseconds. */
const writeTick = 2000

/** How long the peer has to end its side after we ended ours, in milliseconds. */
const lingerTime = 1000

const lengthPrefix = 2
const tagLength = 16
const ready = Promise.resolve()

/** A promise whose rejection may stay unseen: who does not await `send` learns it from `closed`. */
function failed(error: SmpTransportError): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}

/** Sends and receives the contents of blocks. It owns the socket. */
export class BlockChannel implements AsyncIterator<Uint8Array, undefined> {
  readonly closed: Promise<SmpTransportError | undefined>
  readonly #socket: TLSSocket
  readonly #blockSize: number
  readonly #inboundBlocks: number
  readonly #outboundBytes: number
  readonly #writeTimeout: number
  #chains: BlockChains | undefined

  /** Whole blocks that nobody took yet, as they came: with encryption they are opened when they are taken. */
  readonly #inbound: Uint8Array[] = []
  #partial: Uint8Array | undefined
  #partialLength = 0
  #takers: ((result: IteratorResult<Uint8Array, undefined>) => void)[] = []

  readonly #buffers: WriteBuffers
  #blocksSent = 0
  #drain: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined
  #writeTimer: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #lastActivity = performance.now()

  #state: 'open' | 'closing' | 'ended' = 'open'
  #error: SmpTransportError | undefined
  #settle: (error: SmpTransportError | undefined) => void = () => {}

  constructor(socket: TLSSocket, blockSize: number, options: ChannelOptions) {
    this.#socket = socket
    this.#blockSize = blockSize
    this.#inboundBlocks = options.inboundBlocks ?? 16
    // Who awaits `send` fills the socket's buffer and no more.
    this.#outboundBytes = socket.writableHighWaterMark + (options.outboundBlocks ?? 256) * blockSize
    this.#writeTimeout = Math.min(options.writeTimeout ?? 60_000, longestTimer)
    this.#buffers = new WriteBuffers(blockSize, Math.ceil(socket.writableHighWaterMark / blockSize) + 1)
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    if (options.idleTimeout) this.#watchIdle(options.idleTimeout, options.idleTimeout)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => this.#onDrain())
    socket.on('error', (error) => this.#end(socketError(error)))
    socket.on('end', () => this.#onPeerEnd())
    socket.on('close', () => {
      clearTimeout(this.#writeTimer)
      this.#buffers.release()
      this.#end(new SmpTransportError('CLOSED', 'the connection ended'))
    })
  }

  /** From here on blocks are encrypted, those that came but were not taken included. */
  encrypt(chains: BlockChains): void {
    this.#chains = chains
  }

  /** See `BlockConnection.send`. */
  send(content: Uint8Array): Promise<void> {
    if (this.#state !== 'open') {
      return failed(this.#error ?? new SmpTransportError('CLOSED', 'expected an open connection, it has ended'))
    }
    // Before the chain moves on: the peer does not know of a block that was not sent.
    const capacity = this.#blockSize - lengthPrefix - (this.#chains ? tagLength : 0)
    if (content.length > capacity) {
      const message = `expected a content of at most ${capacity} bytes, got ${content.length}`
      return failed(new SmpTransportError('LARGE_MSG', message))
    }
    const socket = this.#socket
    if (socket.writableLength >= this.#outboundBytes) {
      const message = `expected at most ${this.#outboundBytes} bytes to wait to be written`
      return failed(new SmpTransportError('LIMIT', message))
    }
    const block = this.#buffers.next(this.#blocksWritten())
    if (this.#chains) this.#chains.send.sealInto(block, content)
    else padInto(block, content)
    this.#blocksSent++
    this.#lastActivity = performance.now()
    const hasRoom = socket.write(block)
    if (this.#writeTimer === undefined) this.#watchWrites(this.#blocksWritten(), this.#lastActivity)
    return hasRoom ? ready : this.#drained()
  }

  /** Without a callback for each: blocks are all that is ever written. */
  #blocksWritten(): number {
    return this.#blocksSent - Math.ceil(this.#socket.writableLength / this.#blockSize)
  }

  #drained(): Promise<void> {
    if (!this.#drain) {
      let resolve = () => {}
      let reject: (error: Error) => void = () => {}
      const promise = new Promise<void>((yes, no) => {
        resolve = yes
        reject = no
      })
      promise.catch(() => {})
      this.#drain = { promise, resolve, reject }
    }
    return this.#drain.promise
  }

  #onDrain(): void {
    this.#drain?.resolve()
    this.#drain = undefined
  }

  /** `since`: when the last of the `written` blocks was written, as far as we know. */
  #watchWrites(written: number, since: number): void {
    this.#setWriteTimer(Math.min(writeTick, this.#writeTimeout), () => {
      this.#writeTimer = undefined
      const now = performance.now()
      if (this.#socket.writableLength === 0) this.#buffers.release()
      else if (this.#blocksWritten() > written) this.#watchWrites(this.#blocksWritten(), now)
      else if (now - since < this.#writeTimeout) this.#watchWrites(written, since)
      else this.fail(new SmpTransportError('TIMEOUT', `the peer read nothing for ${this.#writeTimeout} ms`))
    })
  }

  #setWriteTimer(milliseconds: number, onTime: () => void): void {
    clearTimeout(this.#writeTimer)
    this.#writeTimer = setTimeout(onTime, milliseconds)
    this.#writeTimer.unref()
  }

  #watchIdle(idleTimeout: number, wait: number): void {
    this.#idleTimer = setTimeout(
      () => {
        // Blocks that nobody takes are our idleness, not the peer's.
        const idle = this.#inbound.length > 0 ? 0 : performance.now() - this.#lastActivity
        if (idle < idleTimeout) this.#watchIdle(idleTimeout, idleTimeout - idle)
        else this.fail(new SmpTransportError('TIMEOUT', `no block for ${idleTimeout} ms`))
      },
      Math.min(wait, longestTimer),
    )
    this.#idleTimer.unref()
  }

  #onData(chunk: Buffer): void {
    if (this.#state !== 'open') return
    const size = this.#blockSize
    for (let at = 0; at < chunk.length; ) {
      if (this.#partialLength === 0 && chunk.length - at >= size) {
        // Not a Buffer, whose `slice` does not copy.
        this.#deliver(new Uint8Array(chunk.buffer, chunk.byteOffset + at, size))
        at += size
        continue
      }
      this.#partial ??= new Uint8Array(size)
      const taken = chunk.subarray(at, at + size - this.#partialLength)
      this.#partial.set(taken, this.#partialLength)
      this.#partialLength += taken.length
      at += taken.length
      if (this.#partialLength === size) {
        const block = this.#partial
        this.#partial = undefined
        this.#partialLength = 0
        this.#deliver(block)
      }
    }
  }

  #deliver(block: Uint8Array): void {
    this.#lastActivity = performance.now()
    const taker = this.#takers.shift()
    if (taker) {
      taker({ value: this.#open(block), done: false })
      return
    }
    this.#inbound.push(block)
    if (this.#inbound.length >= this.#inboundBlocks) this.#socket.pause()
  }

  /** The next content, in the order in which they came; `done` when the connection has ended. */
  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const block = this.#inbound.shift()
    if (block) {
      if (this.#inbound.length <= this.#inboundBlocks >> 1 && this.#socket.isPaused()) this.#socket.resume()
      return Promise.resolve({ value: this.#open(block), done: false })
    }
    if (this.#state !== 'open') return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  /** Empty where the block is not in order: the protocol answers that, the connection goes on (03 §4). */
  #open(block: Uint8Array): Uint8Array {
    try {
      return this.#chains ? this.#chains.receive.openInPlace(block) : unpad(block)
    } catch (error) {
      if (error instanceof CryptoError || error instanceof DecodeError) return new Uint8Array(0)
      throw error
    }
  }

  #onPeerEnd(): void {
    if (this.#state !== 'open') return
    const length = this.#partialLength
    if (length === 0) {
      this.#end(undefined, 'flush')
      return
    }
    const message = `the connection ended in the middle of a block: expected ${this.#blockSize} bytes, got ${length}`
    this.#end(new SmpTransportError('CLOSED', message))
  }

  /** See `BlockConnection.close`. What came and was not taken is dropped. */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing'
      this.#inbound.length = 0
      this.#releaseTakers()
      this.#flush()
    }
    await this.closed
  }

  /** Ends the connection now, because of `error`. */
  fail(error: SmpTransportError): void {
    this.#end(error)
  }

  /** Ends the connection because of `error` after what was sent has been written. */
  failAfterFlush(error: SmpTransportError): void {
    this.#end(error, 'flush')
  }

  #end(error: SmpTransportError | undefined, rest: 'drop' | 'flush' = 'drop'): void {
    if (this.#state === 'ended') return
    // After our close the way in which the connection ended does not matter, unless it could not be flushed in time.
    this.#error = this.#state === 'closing' && error?.code !== 'TIMEOUT' ? undefined : error
    this.#state = 'ended'
    clearTimeout(this.#idleTimer)
    if (rest === 'flush') this.#flush()
    else this.#socket.destroy()
    this.#drain?.reject(this.#error ?? new SmpTransportError('CLOSED', 'the connection ended'))
    this.#releaseTakers()
    this.#settle(this.#error)
  }

  /** Writes what waits, tells the peer, reads on until it ends too: an unread byte would make the system reset it. */
  #flush(): void {
    const socket = this.#socket
    socket.resume()
    // For all of it: a peer that reads a little now and then shall not keep us.
    this.#setWriteTimer(this.#writeTimeout, () => {
      this.fail(new SmpTransportError('TIMEOUT', `the peer did not read all within ${this.#writeTimeout} ms`))
      // Where it has ended before.
      socket.destroy()
    })
    socket.end((error?: Error | null) => {
      if (error || socket.destroyed) return
      // There is no 'drain' after the end.
      this.#onDrain()
      this.#setWriteTimer(lingerTime, () => socket.destroy())
    })
  }

  #releaseTakers(): void {
    for (const taker of this.#takers) taker({ value: undefined, done: true })
    this.#takers = []
  }
}
