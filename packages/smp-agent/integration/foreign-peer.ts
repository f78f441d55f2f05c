// Spec 14 §14.2: a minimal agent made from the text of the spec alone. Of our packages it uses the session with a server and primitives: what two
// agents of ours would both get wrong does not go unnoticed. It is strict: whatever is not as the spec says fails.
import assert from 'node:assert/strict'
import { newQueue, openSession, type SmpClientSession, sendMessage } from '@smpkit/smp-client'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import {
  type Address,
  ascii,
  clientEnvelope,
  dh,
  generate,
  type LinkKeys,
  large,
  link,
  openClientEnvelope,
  queueInfo,
  queueUri,
  takeLink,
  takeQueueInfo,
  word,
} from './foreign-peer-bytes.js'
import {
  ForeignConnection,
  type ForeignOptions,
  nextBody,
  type ReceivedMessage,
  type ReceiveQueue,
  takeConfirmation,
} from './foreign-peer-connection.js'
import { ForeignRatchet, type InvitationKeys, invitationKeys } from './foreign-peer-ratchet.js'

/** An invitation or a contact address of the foreign peer. */
export interface Open {
  readonly link: string
  readonly queue: ReceiveQueue
}

export interface Invitation extends Open {
  readonly keys: InvitationKeys
}

export class ForeignPeer {
  readonly #session: SmpClientSession
  readonly #server: Address
  readonly options: Required<ForeignOptions>

  private constructor(session: SmpClientSession, server: Address, options: ForeignOptions) {
    this.#session = session
    this.#server = server
    this.options = { client: 4, ...options }
  }

  static async open(server: string, options: ForeignOptions): Promise<ForeignPeer> {
    const address = parseServerAddress(server, 'smp')
    const [host] = address.hosts
    assert(host)
    const plain = { host: host.text, port: address.port, keyHash: Buffer.from(address.keyHash) }
    return new ForeignPeer(await openSession(address), plain, options)
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  async #queue(queueMode: 'messaging' | 'contact'): Promise<ReceiveQueue> {
    const pair = generate('x25519')
    const queue = await newQueue(this.#session, { queueMode })
    const mode = queueMode === 'contact' ? 'C' : this.options.client < 4 ? '' : 'M'
    const address = { ...this.#server, senderId: Buffer.from(queue.senderId), dhKey: pair.spki, mode }
    return { queue, address, pair, messages: this.#session.messages(queue), secret: null }
  }

  /** 14.2.1, steps 1 and 2. */
  async createAddress(): Promise<Open> {
    const queue = await this.#queue('contact')
    return { link: link('7', queueUri('4', queue.address)), queue }
  }

  /** Step 4: the text of the invitation, and the info. */
  async takeRequest({ queue }: Open): Promise<{ invitation: string; info: string }> {
    const { body, notification } = await nextBody(queue)
    assert(notification)
    const { message, version, dhKey } = openClientEnvelope(body, (key) => (key ? dh(queue.pair, key) : undefined))
    assert(dhKey)
    assert.equal(version, 4)
    assert.equal(message.letter(), '_')
    assert.equal(message.word(2), 7)
    assert.equal(message.letter(), 'I')
    const invitation = message.large().toString()
    return { invitation, info: message.tail().toString() }
  }

  /** 14.2.4, 13.2. `kem`: the link offers a post-quantum key. */
  async createInvitation({ kem = false } = {}): Promise<Invitation> {
    const { e2e, client } = this.options
    const queue = await this.#queue('messaging')
    const keys = invitationKeys({ kem })
    const linkKeys = {
      range: e2e === 2 ? '2' : '2-3',
      key1: keys.pair1.spki,
      key2: keys.pair2.spki,
      kem: keys.kem && Buffer.from(keys.kem.publicKey),
    }
    const text = link('7', queueUri(client < 4 ? '1-2' : '4', queue.address), linkKeys)
    return { link: text, queue, keys }
  }

  /** 14.2.2: the request, which a contact address gets unsigned. */
  async ask(addressLink: string, invitation: Invitation, info: string): Promise<void> {
    const { type, agentRange, clientRange, queue } = takeLink(addressLink)
    assert.deepEqual([type, agentRange, clientRange], ['contact', '2-7', '4'])
    const pair = generate('x25519')
    const envelope = [ascii('_'), word(2, 7), ascii('I'), large(Buffer.from(invitation.link)), Buffer.from(info)]
    const body = clientEnvelope(dh(pair, queue.dhKey), 4, pair.spki, Buffer.concat(envelope))
    const to = { senderId: queue.senderId, senderKey: null }
    await sendMessage(this.#session, to, body, { notification: true })
  }

  /** 13.3, steps 1 to 6; `hasKem`: whether the link has to offer a post-quantum key. */
  async join(text: string, info: string, { hasKem = false } = {}): Promise<ForeignConnection> {
    const { type, agentRange, clientRange, queue, keys } = takeLink(text)
    assert.deepEqual([type, agentRange, clientRange, keys?.range], ['invitation', '2-7', '4', '2-3'])
    assert(keys)
    assert.equal(keys.kem !== null, hasKem)
    const { e2e, pq } = this.options
    const theirs: LinkKeys = pq ? keys : { ...keys, kem: null }
    const { ratchet, params } = ForeignRatchet.join(theirs, { version: e2e, maxVersion: e2e, pq })
    const reply = await this.#queue('messaging')
    const connection = new ForeignConnection(this.#session, this.options, reply, ratchet)
    await connection.confirm(queue, params, Buffer.concat([ascii('D'), word(1, 1), queueInfo(4, reply.address)]), info)
    return connection
  }

  /** 13.3, step 7: the info of the joiner, and how to go on. */
  async takeConfirmation({ queue, keys }: Invitation): Promise<{
    info: string
    senderKey: Buffer | null
    /** A message that comes before it is accepted. */
    early(): Promise<ReceivedMessage>
    accept(info: string): Promise<ForeignConnection>
  }> {
    const { e2e, pq, client } = this.options
    const first = await takeConfirmation(queue, client)
    assert(first.params, 'expected parameters of the joiner')
    assert.equal(first.params.version, e2e)
    const ratchet = ForeignRatchet.initiate(keys, first.params, { version: e2e, maxVersion: e2e, pq })
    const connection = new ForeignConnection(this.#session, this.options, queue, ratchet)
    const content = connection.openConfirmation(first.encrypted)
    assert.equal(content.letter(), 'D')
    assert.equal(content.word(1), 1)
    const reply = takeQueueInfo(content)
    assert.equal(reply.version, client)
    assert.equal(reply.queue.mode, client === 4 ? 'M' : '')
    const { senderKey } = first
    return {
      info: content.tail().toString(),
      senderKey,
      early: () => connection.take(),
      async accept(info) {
        if (senderKey) await connection.secure(senderKey)
        await connection.confirm(reply.queue, null, ascii('I'), info)
        return connection
      },
    }
  }
}
