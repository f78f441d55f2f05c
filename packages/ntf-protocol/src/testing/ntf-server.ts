// A server that reads commands and answers them as a test wants.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { createServerIdentity } from '@smpkit/smp-transport'
import { packResponses } from '../batch.js'
import type { NtfCommand } from '../commands.js'
import { listenNtf, type NtfListenOptions } from '../listen-ntf.js'
import { receiveCommands } from '../receive.js'
import { writeResponse } from '../respond.js'
import type { NtfResponse } from '../responses.js'
import type { NtfServerEnd } from '../session.js'
import { cleanUpLater } from './cleanup.js'

export const identity = createServerIdentity()

const dhKey = PrivateKey.generate('x25519').publicKey
const none = new Uint8Array(0)

/** A command as the server has it; its arrays are its own. */
export interface Command {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  readonly command: NtfCommand
}

/** What is answered to a command: nothing where it is `undefined`. */
export type Answer = (command: Command, peer: Peer) => NtfResponse | undefined

/** What an honest server answers when all is well. */
export const ok: Answer = ({ command: { tag } }) => {
  switch (tag) {
    case 'TNEW':
      return { tag: 'IDTKN', tokenId: randomBytes(24), dhKey }
    case 'SNEW':
      return { tag: 'IDSUB', subscriptionId: randomBytes(24) }
    case 'TCHK':
      return { tag: 'TKN', status: 'ACTIVE', reason: null }
    case 'SCHK':
      return { tag: 'SUB', status: 'ACTIVE', errorText: null }
    case 'PING':
      return { tag: 'PONG' }
    default:
      return { tag: 'OK' }
  }
}

/** The server's end of one connection. */
export class Peer {
  readonly commands: Command[] = []
  /** How many commands each block had. */
  readonly blocks: number[] = []
  /** Answers are kept back while it is set. */
  held: Uint8Array[] | undefined

  constructor(
    readonly connection: BlockConnection<NtfServerEnd>,
    public answer: Answer,
  ) {}

  async serve(): Promise<void> {
    for await (const content of this.connection) {
      const received = receiveCommands(this.connection.session, content.slice())
      this.blocks.push(received.length)
      for (const one of received) {
        if ('error' in one) throw new Error(`the client sent what is ${JSON.stringify(one.error)}`)
        this.commands.push(one)
      }
      const answers = received.flatMap((one) => {
        const response = this.answer(one as Command, this)
        return response ? [this.written(one, response)] : []
      })
      if (this.held) this.held.push(...answers)
      else await this.sendAll(answers)
    }
  }

  written({ corrId, entityId }: { corrId?: Uint8Array; entityId?: Uint8Array }, response: NtfResponse): Uint8Array {
    return writeResponse(this.connection.session, { corrId: corrId ?? none, entityId: entityId ?? none, response })
  }

  async sendAll(transmissions: readonly Uint8Array[]): Promise<void> {
    const contents = packResponses(this.connection.session.version, transmissions)
    for (const content of contents) await this.connection.send(content).catch(() => {})
  }

  send(to: { corrId?: Uint8Array; entityId?: Uint8Array }, response: NtfResponse): void {
    void this.sendAll([this.written(to, response)])
  }

  /** Sends what was kept back, in another order if that is asked for. */
  async release(order: (held: Uint8Array[]) => Uint8Array[] = (held) => held): Promise<void> {
    const held = this.held ?? []
    this.held = undefined
    await this.sendAll(order(held))
  }
}

export interface TestServer {
  readonly address: ServerAddress
  readonly peers: Peer[]
  /** What `onError` got. */
  readonly errors: Error[]
  close(): Promise<void>
}

export async function startServer(answer: Answer = ok, options: Partial<NtfListenOptions> = {}): Promise<TestServer> {
  const peers: Peer[] = []
  const errors: Error[] = []
  const server = await listenNtf({
    identity,
    host: '127.0.0.1',
    onConnection(connection) {
      const peer = new Peer(connection, answer)
      peers.push(peer)
      return peer.serve()
    },
    onError: (error) => void errors.push(error),
    ...options,
  })
  cleanUpLater(() => server.close())
  return { address: server.address(), peers, errors, close: () => server.close() }
}
