// A peer that sends what no agent of ours would: it has the keys of a user's connection.
import { get, type Row, update } from '@smpkit/agent-store'
import { decode, encode } from '@smpkit/encoding'
import { encrypt, ratchetState } from '@smpkit/ratchet'
import { SmpPool, sendMessage } from '@smpkit/smp-client'
import { afterAll } from 'vitest'
import { type AgentEnvelope, agentEnvelope } from '../agent-envelope.js'
import { type AgentMessage, agentMessage } from '../agent-message.js'
import { sealClientBody } from '../client-message.js'
import { type ConnectionId, idFromText } from '../connection-id.js'
import { addressOf, senderKeyOf } from '../queues.js'
import { clientMessageLengths, ratchetPaddedLength } from '../size-limits.js'
import type { User } from './users.js'

export class Forger {
  readonly #pool = new SmpPool()
  readonly #user: User
  readonly #connId: Uint8Array

  constructor(user: User, connection: ConnectionId) {
    this.#user = user
    this.#connId = idFromText(connection)
  }

  async #queue(): Promise<Row<'sendQueues'>> {
    const { queue } = await this.#user.store.read({ queue: get('sendQueues', { connId: this.#connId, queueNo: 1 }) })
    if (!queue) throw new Error('expected a connection that can send')
    return queue
  }

  /** The body of a `SEND`, signed. */
  async send(body: Uint8Array): Promise<void> {
    const { server, senderId, ...keys } = await this.#queue()
    const requester = this.#pool.server(addressOf(server))
    await sendMessage(requester, { senderId, senderKey: senderKeyOf(keys) }, body, { notification: false })
  }

  /** Inside the queue's own layer. */
  async sendInside(clientMessage: Uint8Array): Promise<void> {
    const { e2eSecret, clientVersion } = await this.#queue()
    const options = { clientVersion, dhKey: null }
    await this.send(sealClientBody(e2eSecret, options, clientMessageLengths.withoutKey, (w) => w.raw(clientMessage)))
  }

  /** Without a key of the sender before it. */
  sendEnvelope(envelope: AgentEnvelope): Promise<void> {
    return this.sendInside(new Uint8Array([0x5f, ...encode(agentEnvelope, envelope)]))
  }

  /** Encrypted by the user's ratchet, which goes on, so that what the user sends afterwards is in order. */
  async encrypt(plaintext: Uint8Array): Promise<Uint8Array> {
    const connId = this.#connId
    const queries = { ratchet: get('ratchets', { connId }), connection: get('connections', { connId }) }
    return await this.#user.store.atomic(queries, ({ ratchet, connection }) => {
      if (!ratchet?.state) throw new Error('expected a connection with a ratchet')
      const length = ratchetPaddedLength('message', connection?.pqSupport ?? false)
      const { state, message } = encrypt(decode(ratchetState, ratchet.state), plaintext, length)
      const changes = { version: ratchet.version + 1, state: encode(ratchetState, state) }
      return { writes: [update('ratchets', { connId }, changes)], result: message }
    })
  }

  async sendPlaintext(plaintext: Uint8Array): Promise<void> {
    const encAgentMessage = await this.encrypt(plaintext)
    await this.sendEnvelope({ agentVersion: 7, type: 'message', encAgentMessage })
  }

  sendMessage(message: AgentMessage): Promise<void> {
    return this.sendPlaintext(encode(agentMessage, message))
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

/** Makes forgers, which are closed after the tests of the file. */
export function useForgers(): (user: User, connection: ConnectionId) => Forger {
  const forgers: Forger[] = []
  afterAll(async () => {
    for (const forger of forgers) await forger.close()
  })
  return (user, connection) => {
    const forger = new Forger(user, connection)
    forgers.push(forger)
    return forger
  }
}
