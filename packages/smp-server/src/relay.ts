// Spec 04 §8: the connection of a proxy to one relay.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { intersect, Reader, toMapKey, type VersionRange } from '@smpkit/encoding'
import {
  type BlockConnection,
  blockSize,
  commandFormat,
  packBlock,
  parseBlock,
  plainTransmission,
  proxiedVersions,
  type ReceivedMessage,
  receiveMessage,
  type SmpSession,
  smpVersions,
} from '@smpkit/smp-commands'
import { portOf, type ServerAddress } from '@smpkit/smp-commands/address'
import { clientHandshake, serverHello } from '@smpkit/smp-commands/internal'
import { connectBlocks, type HandshakeContext, type HandshakeResult } from '@smpkit/smp-transport/internal'
import type { Clock } from './clock.js'
import type { Settings } from './options.js'
import { broker, network, RelayError } from './relay-errors.js'

/** What a client is told of the relay in `PKEY`, and what we share with it. */
export interface RelaySession extends SmpSession {
  /** What the relay offers to our clients. */
  readonly versionRange: VersionRange
  readonly certChain: Uint8Array[]
  readonly signedKey: Uint8Array
  /** 32 bytes. */
  readonly sessionSecret: Uint8Array
}

/** A relay that no client used for so long is let go, in milliseconds. */
const idleTimeout = 600_000
const empty = new Uint8Array(0)

export class Relay {
  readonly #connection: BlockConnection<RelaySession>
  readonly #pending = new Map<string, (answer: ReceivedMessage | null) => void>()
  readonly #clock: Clock
  readonly #responseTimeout: number

  private constructor(connection: BlockConnection<RelaySession>, { clock, proxy }: Settings) {
    this.#connection = connection
    this.#clock = clock
    this.#responseTimeout = proxy.responseTimeout
    void this.#receive().catch(() => this.close())
  }

  /** @throws RelayError, SmpTransportError, AddressError, and the reason of `signal` */
  static async connect(server: ServerAddress, settings: Settings, signal: AbortSignal): Promise<Relay> {
    const { connect, allowAddress } = settings.proxy
    const connection = await connectBlocks({
      idleTimeout,
      ...connect,
      allowAddress,
      signal,
      hosts: server.hosts,
      port: portOf(server),
      keyHash: server.keyHash,
      blockSize,
      alpnProtocols: ['smp/1'],
      handshake: (context) => handshake(context, server.keyHash, connect.versionRange ?? smpVersions),
    })
    return new Relay(connection, settings)
  }

  get session(): RelaySession {
    return this.#connection.session
  }

  get closed(): Promise<Error | undefined> {
    return this.#connection.closed
  }

  /** Whether nothing waits for an answer. */
  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /**
   * Sends `RFWD`, whose content `wrap` makes for its correlation id, and waits for the answer.
   * @throws RelayError if none comes
   */
  async forward(wrap: (corrId: Uint8Array) => Uint8Array): Promise<{ corrId: Uint8Array; answer: ReceivedMessage }> {
    const corrId = randomBytes(24)
    const command = { tag: 'RFWD', encFwdTransmission: wrap(corrId) } as const
    const format = commandFormat(this.session.version)
    const transmission = plainTransmission(corrId, empty, (w) => format.write(w, command))
    const answer = this.#answerTo(toMapKey(corrId))
    try {
      await this.#connection.send(packBlock([transmission]))
    } catch {
      this.#settle(toMapKey(corrId), null)
    }
    return { corrId, answer: await answer }
  }

  #answerTo(key: string): Promise<ReceivedMessage> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.schedule(() => {
        this.#pending.delete(key)
        reject(new RelayError(broker({ code: 'TIMEOUT' })))
      }, this.#responseTimeout)
      this.#pending.set(key, (answer) => {
        cancel()
        if (answer) resolve(answer)
        else reject(new RelayError(network))
      })
    })
  }

  #settle(key: string, answer: ReceivedMessage | null): void {
    const settle = this.#pending.get(key)
    this.#pending.delete(key)
    settle?.(answer)
  }

  async #receive(): Promise<void> {
    try {
      for await (const block of this.#connection) {
        for (const bytes of transmissionsOf(block)) {
          const answer = receiveMessage(this.session, bytes)
          this.#settle(toMapKey(answer.corrId), answer)
        }
      }
    } finally {
      for (const key of this.#pending.keys()) this.#settle(key, null)
    }
  }
}

/** None where the block is malformed: what waits for it has its time-out. */
function transmissionsOf(block: Uint8Array): Uint8Array[] {
  try {
    return parseBlock(block)
  } catch {
    return []
  }
}

/** We are a client that passes on what the server said of itself. */
async function handshake(
  context: HandshakeContext,
  keyHash: Uint8Array,
  versionRange: VersionRange,
): Promise<HandshakeResult<RelaySession>> {
  const { sessionId, peerChain } = context
  const received = await context.receive()
  const { clientHello, version, sessionSecret } = clientHandshake({
    sessionId,
    serverHello: received,
    tlsPeerChain: peerChain,
    keyHash,
    versionRange,
    proxyServer: true,
    sessionPrivateKey: PrivateKey.generate('x25519'),
    service: null,
  })
  const { certChain, signedKey, versionRange: offered } = serverHello.read(new Reader(received))
  const range = intersect(offered, proxiedVersions)
  if (!range) throw new RelayError(broker({ code: 'TRANSPORT', inner: { code: 'VERSION' } }))
  if (!certChain || !sessionSecret) throw new RelayError(broker({ code: 'TRANSPORT', inner: { code: 'NO_AUTH' } }))
  await context.send(clientHello)
  return { session: { version, sessionId, versionRange: range, certChain, signedKey, sessionSecret } }
}
