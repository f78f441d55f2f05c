// Spec 13 §13.13: one change of one connection: rows in, rows to write out. It has no effect until the store has written it.
import {
  connectionTables,
  type Decision,
  insert,
  type Row,
  remove,
  removeAll,
  update,
  type Write,
} from '@smpkit/agent-store'
import { sha256 } from '@smpkit/crypto'
import { decode, encode } from '@smpkit/encoding'
import {
  type E2eProposedParams,
  e2eProposedParams,
  encryptHeader,
  messageKey,
  type RatchetKeys,
  type RatchetState,
  ratchetKeys,
  ratchetState,
} from '@smpkit/ratchet'
import { type AgentMessage, agentMessage, type InnerMessage } from './agent-message.js'
import { RequestError } from './errors.js'
import { EventBounds, noneWaiting } from './event-bounds.js'
import { type EventType, encodePayload, type Payload } from './events.js'
import { ratchetPaddedLength, requireFits } from './size-limits.js'
import {
  type Connection,
  type ConnectionRows,
  changed,
  type Effects,
  nextNo,
  queueOf,
  type RatchetChanges,
  type ReceiveQueue,
  type SendOptions,
  type SendQueue,
  type StepSource,
  sendingQueues,
} from './step-rows.js'
import { type StoredCommand, storedCommand } from './stored.js'
import { type AgentVersion, has } from './versions.js'

const noBytes = new Uint8Array(0)

export class Step {
  readonly effects: Effects = {
    events: [],
    deliveries: new Set(),
    continued: new Set(),
    subscribe: [],
    unsubscribe: [],
    commands: false,
    eventsRemoved: false,
  }
  readonly #writes: Write[] = []
  readonly #source: StepSource
  #connection: Connection
  #connectionChanges: Partial<Connection> | undefined
  #receiveQueues: readonly ReceiveQueue[]
  #sendQueues: readonly SendQueue[]
  #ratchet: Row<'ratchets'> | undefined
  readonly #storedRatchet: Row<'ratchets'> | undefined
  #deleted = false
  readonly #bounds: EventBounds

  constructor(rows: ConnectionRows, source: StepSource) {
    this.#connection = rows.connection
    this.#receiveQueues = rows.receiveQueues
    this.#sendQueues = rows.sendQueues
    this.#ratchet = rows.ratchet
    this.#storedRatchet = rows.ratchet
    this.#source = source
    this.#bounds = new EventBounds(rows.waiting)
  }

  /** A step that makes a connection. */
  static create(connection: Connection, source: StepSource): Step {
    const none = { receiveQueues: [], sendQueues: [], ratchet: undefined }
    const step = new Step({ connection, ...none, waiting: noneWaiting }, source)
    step.#writes.push(insert('connections', connection))
    return step
  }

  get connId(): Uint8Array {
    return this.#connection.connId
  }

  get connection(): Connection {
    return this.#connection
  }

  get receiveQueues(): readonly ReceiveQueue[] {
    return this.#receiveQueues
  }

  get sendQueues(): readonly SendQueue[] {
    return this.#sendQueues
  }

  get now(): number {
    return this.#source.now()
  }

  /** Whether both sides have agreed to the shorter paddings of the post-quantum ratchet. */
  get pq(): boolean {
    return this.#connection.pqSupport && has(this.#connection.agentVersion as AgentVersion, 'pqRatchet')
  }

  /** Whether we joined the peer's invitation, so that our confirmation had the parameters. */
  get isJoiner(): boolean {
    return this.#ratchet?.params != null
  }

  get ratchetState(): RatchetState | undefined {
    const state = this.#ratchet?.state
    return state ? decode(ratchetState, state) : undefined
  }

  get ratchetKeys(): RatchetKeys | undefined {
    const keys = this.#ratchet?.keys
    return keys ? decode(ratchetKeys, keys) : undefined
  }

  /** What the peer has sent last for a new ratchet, as long as none was seen to work. */
  get peerKeys(): E2eProposedParams | undefined {
    const keys = this.#ratchet?.peerKeys
    return keys ? decode(e2eProposedParams, keys) : undefined
  }

  set(changes: Partial<Connection>): void {
    this.#connection = { ...this.#connection, ...changes }
    this.#connectionChanges = { ...this.#connectionChanges, ...changes }
  }

  setRatchet(changes: RatchetChanges): void {
    const { keys, params, peerKeys, state } = changes
    const none = { version: 0, keys: null, params: null, peerKeys: null, state: null }
    const former = this.#ratchet ?? { connId: this.connId, ...none }
    this.#ratchet = {
      connId: this.connId,
      version: (this.#storedRatchet?.version ?? 0) + 1,
      keys: keys === undefined ? former.keys : keys && encode(ratchetKeys, keys),
      params: params === undefined ? former.params : params,
      peerKeys: peerKeys === undefined ? former.peerKeys : peerKeys && encode(e2eProposedParams, peerKeys),
      state: state === undefined ? former.state : state && encode(ratchetState, state),
    }
  }

  receiveQueue(queueNo: number): ReceiveQueue {
    return queueOf(this.#receiveQueues, queueNo)
  }

  sendQueue(queueNo: number): SendQueue {
    return queueOf(this.#sendQueues, queueNo)
  }

  addReceiveQueue(queue: Omit<ReceiveQueue, 'connId' | 'queueNo'>): ReceiveQueue {
    const row = { ...queue, connId: this.connId, queueNo: nextNo(this.#receiveQueues) }
    this.#receiveQueues = [...this.#receiveQueues, row]
    this.write(insert('receiveQueues', row))
    this.effects.subscribe.push(row)
    return row
  }

  addSendQueue(queue: Omit<SendQueue, 'connId' | 'queueNo'>): SendQueue {
    const row = { ...queue, connId: this.connId, queueNo: nextNo(this.#sendQueues) }
    this.#sendQueues = [...this.#sendQueues, row]
    this.write(insert('sendQueues', row))
    return row
  }

  setReceiveQueue(queueNo: number, changes: Partial<ReceiveQueue>): void {
    this.#receiveQueues = changed(this.#receiveQueues, queueNo, changes)
    this.write(update('receiveQueues', { connId: this.connId, queueNo }, changes))
  }

  setSendQueue(queueNo: number, changes: Partial<SendQueue>): void {
    this.#sendQueues = changed(this.#sendQueues, queueNo, changes)
    this.write(update('sendQueues', { connId: this.connId, queueNo }, changes))
  }

  removeReceiveQueue(queueNo: number): void {
    const queue = this.#receiveQueues.find((one) => one.queueNo === queueNo)
    if (!queue) return
    this.effects.unsubscribe.push(queue)
    this.#receiveQueues = this.#receiveQueues.filter((one) => one !== queue)
    this.write(remove('receiveQueues', { connId: this.connId, queueNo }))
  }

  removeSendQueue(queueNo: number): void {
    this.#sendQueues = this.#sendQueues.filter((queue) => queue.queueNo !== queueNo)
    this.write(remove('sendQueues', { connId: this.connId, queueNo }))
  }

  /** Stores an event for the application, if not too many of its type wait. @throws NeedsWaiting */
  event<T extends EventType>(
    type: T,
    payload: Payload<T>,
    {
      messageId = 0,
      queueNo = 0,
      brokerId = noBytes,
    }: { messageId?: number; queueNo?: number; brokerId?: Uint8Array } = {},
  ): void {
    if (!this.#bounds.take(type)) return
    const row = {
      eventId: this.#source.nextEventId(),
      connId: this.connId,
      type,
      messageId,
      queueNo,
      brokerId,
      data: encodePayload(type, payload),
      createdAt: this.now,
    }
    this.write(insert('events', row))
    this.effects.events.push(row)
    // What has waited for it can be sent.
    if (type === 'connected') this.effects.commands = true
  }

  command(command: StoredCommand): void {
    const commandNo = this.#source.nextCommandNo()
    const { tag } = command
    this.write(
      insert('commands', {
        commandNo,
        connId: this.connId,
        tag,
        data: storedCommand.toBytes(command),
        createdAt: this.now,
      }),
    )
    this.effects.commands = true
  }

  write(write: Write): void {
    this.#writes.push(write)
  }

  /** Removes the connection's events: the application does not see them any more. */
  removeEvents(): void {
    this.effects.eventsRemoved = true
    this.write(removeAll('events', 'byConnection', { connId: this.connId }))
  }

  /** Removes the connection with all that belongs to it. What is written afterwards stays. */
  removeConnection(): void {
    const { connId } = this
    this.#deleted = true
    this.effects.unsubscribe.push(...this.#receiveQueues)
    this.effects.eventsRemoved = true
    for (const table of connectionTables) this.write(removeAll(table, 'byConnection', { connId }))
    for (const table of ['ratchets', 'confirmations', 'connections'] as const) this.write(remove(table, { connId }))
  }

  /** The next internal id: messages of both directions share the numbers. */
  nextMessageId(): number {
    this.set({ lastMessageId: this.#connection.lastMessageId + 1 })
    return this.#connection.lastMessageId
  }

  /** Encrypts a message and puts it into the queues' deliveries. @throws RequestError `LARGE`, `PROHIBITED`, `SYNCHRONIZATION` */
  send(message: InnerMessage, options: SendOptions = {}): number {
    const { lastSentId, lastSentHash } = this.#connection
    const plain = encode(agentMessage, {
      type: 'message',
      sndMsgId: BigInt(lastSentId + 1),
      prevMsgHash: lastSentHash,
      message,
    })
    const queues = options.queues ?? sendingQueues(this.#sendQueues)
    return this.#encrypt(message.type, plain, 'message', { ...options, queues })
  }

  /** The confirmation for one queue: with the choice that the connection has made for the post-quantum ratchet. */
  sendConfirmation(message: AgentMessage, queueNo: number): number {
    const plain = encode(agentMessage, message)
    const options = { notification: true, pq: this.pq, queues: [queueNo] }
    return this.#encrypt('confirmation', plain, 'confirmation', options)
  }

  #encrypt(
    type: string,
    plain: Uint8Array,
    kind: 'confirmation' | 'message',
    { queues, notification = false, pq = null }: SendOptions & { queues: readonly number[] },
  ): number {
    this.#requireUsable(type)
    const paddedLength = ratchetPaddedLength(kind, this.pq)
    requireFits(`a ${kind}`, plain.length, paddedLength - 2)
    const former = this.ratchetState
    if (!former) throw new RequestError('PROHIBITED', 'expected a connection that the peer has joined')
    const { state, key } = encryptHeader(former, { pq })
    this.setRatchet({ state })
    return this.enqueue(type, plain, {
      hash: sha256(plain),
      key: encode(messageKey, key),
      paddedLength,
      notification,
      queues,
    })
  }

  /** A ratchet that may have diverged, or that was restored from a backup, encrypts nothing (10 §10.9). */
  #requireUsable(type: string): void {
    const { synchronization: state } = this.#connection
    const isNew = state === 'agreed' || (state === 'started' && this.peerKeys)
    if (state === 'ok' || state === 'allowed' || (isNew && type === 'ratchetReady')) return
    throw new RequestError('SYNCHRONIZATION', `expected synchronized ratchets to encrypt with, they are ${state}`)
  }

  /** Puts what is encrypted with `key`, or with none, into the queues' deliveries, under the next id. */
  enqueue(
    type: string,
    body: Uint8Array,
    {
      hash,
      key,
      paddedLength,
      notification,
      queues,
    }: { hash: Uint8Array; key: Uint8Array; paddedLength: number; notification: boolean; queues: readonly number[] },
  ): number {
    const messageId = this.nextMessageId()
    const { lastSentId } = this.#connection
    // A confirmation is the first message also where it is sent again: the peer counts on from it.
    const sentId = type === 'confirmation' ? 1 : lastSentId + 1
    if (sentId > lastSentId) this.set({ lastSentId: sentId, lastSentHash: hash })
    const { connId, now: createdAt } = this
    const row = { connId, messageId, sentId, type, hash, body, key, paddedLength, notification, createdAt }
    this.write(insert('messages', { ...row, status: 'queued' }))
    for (const queueNo of queues) {
      this.write(insert('deliveries', { connId, queueNo, messageId, fastDelay: 0, slowDelay: 0 }))
      this.effects.deliveries.add(queueNo)
    }
    return messageId
  }

  finish<R>(result: R): Decision<R> {
    if (this.#deleted) return { writes: this.#writes, result }
    const { connId } = this
    const writes = [...this.#writes]
    if (this.#connectionChanges) writes.push(update('connections', { connId }, this.#connectionChanges))
    const ratchet = this.#ratchet
    if (ratchet && ratchet !== this.#storedRatchet) {
      const { connId: _, ...changes } = ratchet
      writes.push(this.#storedRatchet ? update('ratchets', { connId }, changes) : insert('ratchets', ratchet))
    }
    return { writes, result }
  }
}
