// A peer that reads commands as a server does and answers as a test wants.
import { dh, PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import {
  type AuthorizedCommand,
  type BrokerMessage,
  type ClientSession,
  messageFormat,
  packBlock,
  packBlocks,
  parseBlock,
  plainTransmission,
  receiveCommand,
  type ServerSession,
  type ServiceRole,
  type ServiceSession,
  type SmpVersion,
} from '@smpkit/smp-commands'
import { connectionPair, type PairEnd } from './connection-pair.js'

const none = new Uint8Array(0)

/** What the peer answers to one command: a message, nothing, or bytes in place of a message. */
export type Handler = (command: AuthorizedCommand, peer: FakePeer) => BrokerMessage | undefined

export interface FakeOptions {
  readonly version?: number
  readonly service?: { readonly role: ServiceRole; readonly serviceId: Uint8Array }
}

export const ok: Handler = ({ command }) => {
  switch (command.tag) {
    case 'PING':
      return { tag: 'PONG' }
    case 'SUB':
    case 'NSUB':
      return { tag: 'SOK', serviceId: null }
    default:
      return { tag: 'OK' }
  }
}

export class FakePeer {
  readonly session: ServerSession
  /** How many commands each block had. */
  readonly blocks: number[] = []
  readonly commands: AuthorizedCommand[] = []
  /** Answers are kept back while it is set; call it to send them. */
  held: (() => void)[] | undefined

  constructor(
    readonly connection: PairEnd<ServerSession>,
    public handler: Handler,
  ) {
    this.session = connection.session
    void this.#serve()
  }

  async #serve(): Promise<void> {
    for await (const content of this.connection) {
      const received = parseBlock(content).map((bytes) => receiveCommand(this.session, bytes))
      this.blocks.push(received.length)
      const answers: Uint8Array[] = []
      for (const one of received) {
        if ('error' in one) throw new Error(`the client sent what is ${JSON.stringify(one.error)}`)
        const own = { ...one, corrId: one.corrId.slice(), entityId: one.entityId.slice() }
        this.commands.push(own)
        const message = this.handler(own, this)
        if (message) answers.push(this.transmission(own.corrId, own.entityId, message))
      }
      const send = () => {
        for (const block of packBlocks(answers)) if ('content' in block) this.sendBlock(block.content)
      }
      if (this.held) this.held.push(send)
      else send()
    }
  }

  transmission(corrId: Uint8Array, entityId: Uint8Array, message: BrokerMessage): Uint8Array {
    return plainTransmission(corrId, entityId, (w) => messageFormat(this.session.version).write(w, message))
  }

  sendBlock(content: Uint8Array): void {
    this.connection.send(content).catch(() => {})
  }

  /** One message in a block of its own; without a correlation id it is an event. */
  send(entityId: Uint8Array, message: BrokerMessage, corrId: Uint8Array = none): void {
    this.sendBlock(packBlock([this.transmission(corrId, entityId, message)]))
  }

  release(): void {
    const held = this.held ?? []
    this.held = undefined
    for (const send of held) send()
  }
}

/** A connection to a peer that answers with `handler`. */
export function fakeConnection(
  handler: Handler = ok,
  { version = 20, service }: FakeOptions = {},
): { connection: PairEnd<ClientSession>; peer: FakePeer } {
  const serverKey = PrivateKey.generate('x25519')
  const clientKey = PrivateKey.generate('x25519')
  const sessionId = randomBytes(32)
  const sessionSecret = dh(clientKey, serverKey.publicKey)
  const common = { version: version as SmpVersion, sessionId, sessionSecret }
  const serviceKey = PrivateKey.generate('ed25519')
  const serviceOf = <K extends PrivateKey<'ed25519'> | PublicKey<'ed25519'>>(
    sessionKey: K,
  ): ServiceSession<K> | null => (service ? { ...service, certHash: new Uint8Array(32), sessionKey } : null)
  const [connection, peerEnd] = connectionPair<ClientSession, ServerSession>(
    { ...common, serverKey: serverKey.publicKey, service: serviceOf(serviceKey) },
    { ...common, sessionKey: serverKey, proxyServer: false, service: serviceOf(serviceKey.publicKey) },
  )
  return { connection, peer: new FakePeer(peerEnd, handler) }
}
