// Clients of the NTF protocol that send whatever a test wants, over TLS.
import { once } from 'node:events'
import { type ConnectionOptions, connect, createSecureContext, type TLSSocket } from 'node:tls'
import { type PrivateKey, randomBytes } from '@smpkit/crypto'
import { pad, unpad } from '@smpkit/encoding'
import {
  authorizeNtf,
  type NtfClientEnd,
  type NtfCommand,
  type NtfVersion,
  ntfBlockSize,
  ntfVersions,
  packCommands,
  type ReceivedResponse,
  receiveResponses,
} from '@smpkit/ntf-protocol'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { tlsParameters } from '@smpkit/smp-transport/internal'
import { onTestFinished } from 'vitest'

export const block = (content: Uint8Array): Uint8Array => pad(content, ntfBlockSize)

const context = createSecureContext(tlsParameters())

/** A client that has done nothing but TLS. */
export async function openTls({ port }: ServerAddress, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    secureContext: context,
    ALPNProtocols: ['ntf/1'],
    servername: '',
    rejectUnauthorized: false,
    ...options,
  })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  // How a connection ends does not matter from here on.
  socket.on('error', () => {})
  return socket
}

const none: Uint8Array = new Uint8Array(0)

/** A client whose handshake is done. It reads from the start, unless it `pauses`. */
export class RawNtf {
  readonly responses: ReceivedResponse[] = []
  readonly end: NtfClientEnd
  #bytes = Buffer.alloc(0)
  #wake = () => {}

  constructor(
    readonly socket: TLSSocket,
    version: NtfVersion,
  ) {
    this.end = { version, sessionId: new Uint8Array(socket.getFinished() ?? none), serverKey: null }
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('close', () => this.#wake())
  }

  get isClosed(): boolean {
    return this.socket.closed
  }

  /** Commands as contents of blocks. */
  contents(command: NtfCommand, key: PrivateKey<'ed25519'> | null, entityId = none, corrId = randomBytes(24)) {
    const { transmission } = authorizeNtf(this.end, { corrId, entityId, command, key })
    return packCommands(this.end.version, [transmission]).flatMap((one) => ('content' in one ? [one.content] : []))
  }

  /** Bytes as they are. */
  send(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes)
  }

  /** `PONG` comes, or the connection ends. */
  async answersOrEnds(): Promise<boolean> {
    const corrId = randomBytes(24)
    for (const content of this.contents({ tag: 'PING' }, null, none, corrId)) this.send(block(content))
    const isAnswer = (one: ReceivedResponse) => Buffer.from(one.corrId).equals(corrId)
    while (!this.isClosed && !this.responses.some(isAnswer)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.responses.some(isAnswer)
  }

  #receive(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#bytes, chunk])
    for (; bytes.length >= ntfBlockSize; bytes = bytes.subarray(ntfBlockSize)) {
      this.responses.push(...receiveResponses(this.end, unpad(new Uint8Array(bytes.subarray(0, ntfBlockSize)))))
    }
    this.#bytes = bytes
    this.#wake()
  }
}

/** A client's hello in its block. */
export const hello = ({ keyHash }: ServerAddress, version: number): Uint8Array =>
  block(Uint8Array.of(0, version, keyHash.length, ...keyHash))

export async function openRaw(address: ServerAddress, version = ntfVersions.max as NtfVersion): Promise<RawNtf> {
  const socket = await openTls(address, version === 1 ? { ALPNProtocols: [] } : {})
  const [first] = (await once(socket, 'data')) as [Buffer]
  if (first.length !== ntfBlockSize) throw new Error('expected one block')
  socket.write(hello(address, version))
  return new RawNtf(socket, version)
}
