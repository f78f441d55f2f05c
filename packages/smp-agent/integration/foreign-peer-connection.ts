// Spec 13 §13.3, §13.5, 11: a connection of a minimal agent made from the text of the spec alone: confirmations, and what follows them.
import assert from 'node:assert/strict'
import { type AuthKey, PrivateKey, PublicKey } from '@smpkit/crypto'
import {
  type Queue,
  type QueueMessages,
  type SmpClientSession,
  secureAsSender,
  secureQueue,
  sendMessage,
} from '@smpkit/smp-client'
import {
  ascii,
  clientEnvelope,
  dh,
  Fields,
  generate,
  int64,
  openClientEnvelope,
  type Pair,
  type QueueAddress,
  server,
  sha256,
  short,
  word,
} from './foreign-peer-bytes.js'
import { type ForeignRatchet, type Params, takeParams } from './foreign-peer-ratchet.js'

export interface ForeignOptions {
  readonly e2e: 2 | 3
  /** Whether the foreign peer supports the post-quantum ratchet, and whether the agent at the other end does. */
  readonly pq: boolean
  readonly theirPq: boolean
  /** Version 2 knows neither queue modes nor SKEY. Default: 4. */
  readonly client?: 2 | 4
}

export interface ReceiveQueue {
  readonly queue: Queue
  readonly address: QueueAddress
  readonly pair: Pair
  readonly messages: QueueMessages
  secret: Uint8Array | null
}

interface SendQueue {
  readonly address: QueueAddress
  readonly key: PrivateKey<'ed25519'>
  readonly pair: Pair
  readonly secret: Uint8Array
}

/** The last message of one side (11 §11.5.2). */
interface Chain {
  id: bigint
  hash: Buffer
}

export interface ReceivedMessage {
  readonly id: bigint
  readonly notification: boolean
  /** From its own tag on. */
  readonly content: Fields
  readonly hash: Buffer
  readonly pq: boolean
}

export async function nextBody({ messages }: ReceiveQueue): Promise<{ body: Buffer; notification: boolean }> {
  const { value: message } = await messages.next()
  assert(message)
  const opened = message.open()
  await message.ack()
  assert(!opened.quota)
  return { body: Buffer.from(opened.body), notification: opened.notification }
}

export async function takeConfirmation(
  queue: ReceiveQueue,
  client: number,
): Promise<{ params: Params | null; senderKey: Buffer | null; encrypted: Buffer }> {
  const { body, notification } = await nextBody(queue)
  assert(notification)
  const { version, dhKey, secret, message } = openClientEnvelope(body, (key) => (key ? dh(queue.pair, key) : undefined))
  assert(dhKey, 'expected a key in a confirmation')
  assert.equal(version, client)
  queue.secret = secret
  const letter = message.letter()
  // What the sender cannot secure, we have to.
  assert.equal(letter, queue.address.mode === 'M' ? '_' : 'K')
  const senderKey = letter === 'K' ? message.short() : null
  assert.equal(message.word(2), 7)
  assert.equal(message.letter(), 'C')
  const params = message.letter() === '1' ? takeParams(message) : null
  return { params, senderKey, encrypted: message.tail() }
}

export class ForeignConnection {
  readonly #session: SmpClientSession
  readonly #options: Required<ForeignOptions>
  readonly #receive: ReceiveQueue
  readonly #ratchet: ForeignRatchet
  #send: SendQueue | undefined
  /** What was sent, and what has come. */
  readonly sent: Chain = { id: 0n, hash: Buffer.alloc(0) }
  readonly received: Chain = { id: 0n, hash: Buffer.alloc(0) }
  /** The body of our confirmation. */
  confirmation: Buffer = Buffer.alloc(0)

  constructor(
    session: SmpClientSession,
    options: Required<ForeignOptions>,
    receive: ReceiveQueue,
    ratchet: ForeignRatchet,
  ) {
    this.#session = session
    this.#options = options
    this.#receive = receive
    this.#ratchet = ratchet
  }

  /** `KEY` */
  async secure(senderKey: Buffer): Promise<void> {
    await secureQueue(this.#session, this.#receive.queue, PublicKey.fromDer(senderKey) as AuthKey)
  }

  /** Ours: signed and without a key where we can secure the queue, else unsigned with `K` (11 §11.3). */
  async confirm(to: QueueAddress, params: Buffer | null, start: Buffer, info: string): Promise<void> {
    const pair = generate('x25519')
    const key = PrivateKey.generate('ed25519')
    this.#send = { address: to, key, pair, secret: dh(pair, to.dhKey) }
    const isOurs = to.mode === 'M'
    if (isOurs) await secureAsSender(this.#session, to.senderId, key)
    const { e2e, pq, client } = this.#options
    const plain = Buffer.concat([start, Buffer.from(info)])
    const isPq = pq && e2e === 3
    const encrypted = this.#ratchet.encrypt(plain, isPq ? 11106 : 14832, isPq)
    const header = isOurs ? ascii('_') : Buffer.concat([ascii('K'), short(key.publicKey.toDer())])
    const e2eParams = params ? Buffer.concat([ascii('1'), params]) : ascii('0')
    const message = Buffer.concat([header, word(2, 7), ascii('C'), e2eParams, encrypted])
    this.confirmation = clientEnvelope(this.#send.secret, client, pair.spki, message)
    this.sent.id = 1n
    this.sent.hash = sha256(plain)
    await this.#post(this.confirmation, true, isOurs)
  }

  async #post(body: Buffer, notification: boolean, isSigned = true): Promise<void> {
    assert(this.#send)
    const { address, key } = this.#send
    const to = { senderId: address.senderId, senderKey: isSigned ? key : null }
    await sendMessage(this.#session, to, body, { notification })
  }

  /** Step 14: what the initiator's answer holds. */
  async takeAnswer(): Promise<{ info: string; senderKey: Buffer | null }> {
    const { params, senderKey, encrypted } = await takeConfirmation(this.#receive, this.#options.client)
    assert.equal(params, null)
    const content = this.openConfirmation(encrypted)
    assert.equal(content.letter(), 'I')
    return { info: content.tail().toString(), senderKey }
  }

  openConfirmation(encrypted: Buffer): Fields {
    const { plain } = this.#decrypt(encrypted, this.#isTheirPq ? 11106 : 14832)
    this.received.id = 1n
    this.received.hash = sha256(plain)
    return new Fields(plain)
  }

  get #isTheirPq(): boolean {
    return this.#options.theirPq && this.#options.e2e === 3
  }

  #decrypt(encrypted: Buffer, length: number): { plain: Buffer; pq: boolean } {
    const { plain, paddedLength, headerLength, pq } = this.#ratchet.decrypt(encrypted)
    assert.equal(paddedLength, length)
    assert.equal(headerLength, this.#isTheirPq ? 2310 : 88)
    return { plain, pq }
  }

  /** 13.5: an agent message `M`; it begins with its tag. The hash that a receipt names. */
  async send(content: Buffer, { notification = false, pq = null as boolean | null } = {}): Promise<Buffer> {
    assert(this.#send)
    const { client } = this.#options
    this.sent.id++
    const plain = Buffer.concat([ascii('M'), int64(this.sent.id), short(this.sent.hash), content])
    this.sent.hash = sha256(plain)
    const isPq = this.#options.pq && this.#options.e2e === 3
    const encrypted = this.#ratchet.encrypt(plain, isPq ? 13618 : 15840, pq)
    const message = Buffer.concat([ascii('_'), word(2, 7), ascii('M'), encrypted])
    await this.#post(clientEnvelope(this.#send.secret, client, null, message), notification)
    return this.sent.hash
  }

  /** A_QCONT: there is room again in the queue that the agent sends to. */
  get roomAgain(): Buffer {
    const { address } = this.#receive
    return Buffer.concat([ascii('QC'), server(address), short(address.senderId)])
  }

  /** The same bytes as before. */
  async confirmAgain(): Promise<void> {
    await this.#post(this.confirmation, true)
  }

  /** The next message, whose number and hash follow those before. */
  async take(): Promise<ReceivedMessage> {
    const { body, notification } = await nextBody(this.#receive)
    const { secret } = this.#receive
    const { version, dhKey, message } = openClientEnvelope(body, (key) => (key ? undefined : (secret ?? undefined)))
    assert.equal(dhKey, null)
    assert.equal(version, this.#options.client)
    assert.equal(message.letter(), '_')
    assert.equal(message.word(2), 7)
    assert.equal(message.letter(), 'M')
    const encrypted = message.tail()
    assert.equal(encrypted.length, this.#options.e2e === 3 ? 15982 : 15980)
    const { plain, pq } = this.#decrypt(encrypted, this.#isTheirPq ? 13618 : 15840)
    const content = new Fields(plain)
    assert.equal(content.letter(), 'M')
    const id = content.int64()
    assert.equal(id, this.received.id + 1n)
    assert.deepEqual(content.short(), this.received.hash)
    const hash = sha256(plain)
    this.received.id = id
    this.received.hash = hash
    return { id, notification, content, hash, pq }
  }
}
