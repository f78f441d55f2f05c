// A client that sends through a proxy (04 §8, 02 §7).
import { dh, PrivateKey, type PublicKey, parseCertificate, randomBytes, verifySignedKey } from '@smpkit/crypto'
import {
  authorize,
  type BrokerMessage,
  type MessageOf,
  openResponse,
  packBlock,
  parseBlock,
  receiveMessage,
  type SmpVersion,
  sealTransmission,
} from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { brief, type Request, type TestClient } from './test-client.js'

export const askForRelay = (client: TestClient, server: ServerAddress, basicAuth: string | null = null) =>
  client.request({ tag: 'PRXY', server, basicAuth })

export class ProxiedClient {
  readonly #relayKey: PublicKey<'x25519'>

  constructor(
    readonly client: TestClient,
    readonly relay: MessageOf<'PKEY'>,
  ) {
    const [leaf = new Uint8Array()] = relay.certChain
    const leafKey = parseCertificate(leaf).publicKey
    const key = leafKey && verifySignedKey(leafKey, relay.signedKey)
    if (!key?.is('x25519')) throw new Error('expected a signed X25519 key')
    this.#relayKey = key
  }

  static async connect(client: TestClient, server: ServerAddress): Promise<ProxiedClient> {
    const answer = await askForRelay(client, server)
    if (answer.tag !== 'PKEY') throw new Error(`expected PKEY, got ${brief(answer)}`)
    return new ProxiedClient(client, answer)
  }

  /** The relay's own answer. @throws what the proxy answered instead, as an Error with its brief form */
  async request(command: Request['command'], options: Omit<Request, 'command'> = {}): Promise<BrokerMessage> {
    const corrId = randomBytes(24)
    return this.send(corrId, [this.transmission({ command, ...options, corrId })])
  }

  transmission({ command, entityId = new Uint8Array(), key = null, corrId = randomBytes(24) }: Request): Uint8Array {
    const { sessionId } = this.relay
    const session = { version: this.version, sessionId, serverKey: this.#relayKey, service: null }
    return authorize(session, { corrId, entityId, command, key }).transmission
  }

  get version(): SmpVersion {
    return this.relay.versionRange.max as SmpVersion
  }

  /** Sends this inner block. */
  async send(
    corrId: Uint8Array,
    transmissions: readonly Uint8Array[],
    fwdVersion: number = this.version,
    change: (sealed: Uint8Array) => Uint8Array = (sealed) => sealed,
  ): Promise<BrokerMessage> {
    const commandKey = PrivateKey.generate('x25519')
    const secret = dh(commandKey, this.#relayKey)
    const encTransmission = change(sealTransmission(secret, corrId, packBlock(transmissions)))
    const answer = await this.client.request(
      { tag: 'PFWD', fwdVersion, commandKey: commandKey.publicKey, encTransmission },
      { entityId: this.relay.sessionId, corrId },
    )
    if (answer.tag !== 'PRES') throw new Error(brief(answer))
    const [inner = new Uint8Array()] = parseBlock(openResponse(secret, corrId, answer.encResponse))
    const { sessionId } = this.relay
    const received = receiveMessage({ version: this.version, sessionId }, inner)
    if (!received.message) throw new Error('expected a readable inner answer')
    return received.message
  }
}
