// Spec 13: an agent: its connections, over a store and SMP servers. What the methods do is in the files of the parts.
import type { AgentStore, MessageStatus } from '@smpkit/agent-store'
import { allow } from './confirmations.js'
import { type ConnectionId, idFromText } from './connection-id.js'
import type { ConnectionRequest } from './connection-request.js'
import { allConnections, type ConnectionInfo, connectionInfo, messageStatus } from './connections.js'
import { type DeleteOptions, deleteConnection } from './deletion.js'
import { RequestError } from './errors.js'
import type { AgentEvent } from './events.js'
import { type Created, type CreateOptions, createAddress, createInvitation, type Links, links } from './invitations.js'
import { accept, type JoinOptions, join } from './join.js'
import { allNotifiers, type NotifierCredentials, notifiersOf, setNotifications } from './notifications.js'
import { reject } from './requests.js'
import { type ResolvedLink, type ResolveOptions, resolve } from './resolve.js'
import { abortSwitch, type SwitchOptions, switchQueue } from './rotation-receive.js'
import { type AgentOptions, Runtime } from './runtime.js'
import { requireSending } from './sending.js'
import { deleteShortLink, type ShortLinkOptions, setShortLink } from './short-links.js'
import { maxMessageBody, requireBytes, requireFits } from './size-limits.js'
import { type SynchronizeOptions, synchronize } from './synchronization.js'
import { type WakeUpItem, type WakeUpOptions, type WakeUpResult, wakeUp } from './wake-up.js'

export interface SendOptions {
  /** Whether the peer's device may be woken. Default: `true`. */
  readonly notification?: boolean
  readonly signal?: AbortSignal
}

/** The stores of agents that are open: a second one on the same store would count events anew, and lose some. */
const inUse = new WeakSet<AgentStore>()

/**
 * Opens what the store holds: unfinished work goes on, and all queues are subscribed to.
 * @throws StoreError; AddressError; RequestError `PROHIBITED` if another agent has the store
 */
export async function openAgent(options: AgentOptions): Promise<SmpAgent> {
  const { store } = options
  if (inUse.has(store)) throw new RequestError('PROHIBITED', 'expected a store that no other agent uses')
  inUse.add(store)
  try {
    const [lastEvent, lastCommand] = [await store.last('events'), await store.last('commands')]
    const runtime = new Runtime(options, lastEvent, lastCommand)
    void runtime.ended.then(() => inUse.delete(store))
    await runtime.resume().catch(async (error: unknown) => {
      await runtime.end()
      throw error
    })
    return new SmpAgent(runtime)
  } catch (error) {
    inUse.delete(store)
    throw error
  }
}

export class SmpAgent implements AsyncDisposable {
  readonly #runtime: Runtime

  /** See `openAgent`. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Settles when the agent has ended: `undefined` after `close`, else why. */
  get closed(): Promise<Error | undefined> {
    return this.#runtime.ended
  }

  /**
   * What happens, each event until it is acknowledged: those of earlier processes first, in the order in which they were stored. All
   * readers share one stream.
   */
  events(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<AgentEvent> {
    this.#requireOpen()
    return this.#runtime.events.read(options.signal)
  }

  /** A one-time invitation: `confirmation` tells who has joined. */
  async createInvitation(options?: CreateOptions): Promise<Created> {
    this.#requireOpen()
    return createInvitation(this.#runtime.context, options)
  }

  /** A contact address: `request` tells who asks. */
  async createAddress(options?: CreateOptions): Promise<Created> {
    this.#requireOpen()
    return createAddress(this.#runtime.context, options)
  }

  /** The links of a contact address, without its client data. @throws RequestError `NOT_FOUND`, `PROHIBITED` */
  async links(address: ConnectionId, options?: Pick<CreateOptions, 'scheme'>): Promise<Links> {
    this.#requireOpen()
    return links(this.#runtime.context, idFromText(address), options)
  }

  /**
   * Joins the invitation, or asks at the contact address, of a link. It settles when that is stored; `connected` or `failed` tells
   * what came of it, after `info` (invitation) or `confirmation` (address). A short link is resolved first.
   * @throws RequestError `LARGE`; LinkError; PeerError `A_CRYPTO` for a link with a worthless key; for a short link, all that `resolve` throws
   */
  async join(link: string | ConnectionRequest, options: JoinOptions): Promise<ConnectionId> {
    this.#requireOpen()
    requireBytes('info', options?.info)
    return join(this.#runtime.context, link, options)
  }

  /**
   * What a link leads to. A short one is read from its server; if it is a one-time invitation, it is ours from then on, to be read again and to
   * be joined: nobody else can.
   * @throws LinkError, `GONE` where others were first; PeerError `A_LINK`, `A_CRYPTO`, `A_MESSAGE` if the server does not give what the link
   *   promises; SmpError of the network, which may be `temporary`
   */
  async resolve(link: string, options?: ResolveOptions): Promise<ResolvedLink> {
    this.#requireOpen()
    return resolve(this.#runtime.context, link, options)
  }

  /**
   * Gives a contact address a short link, or a short link other user data (at most 13,706 bytes); its text. It settles when the server has it.
   * Called again, it is the same link.
   * @throws RequestError `LARGE`, `NOT_FOUND`, `PROHIBITED` for an invitation that was made without a short link
   */
  async setShortLink(connection: ConnectionId, userData: Uint8Array, options?: ShortLinkOptions): Promise<string> {
    this.#requireOpen()
    return setShortLink(this.#runtime.context, idFromText(connection), userData, options)
  }

  /** The short link leads nowhere any more, for good; the full link stays. It settles when the server has forgotten it. */
  async deleteShortLink(connection: ConnectionId, options?: Pick<ShortLinkOptions, 'signal'>): Promise<void> {
    this.#requireOpen()
    return deleteShortLink(this.#runtime.context, idFromText(connection), options)
  }

  /** Lets the peer in that has joined our invitation, or answered our request. @throws RequestError `LARGE`, `NOT_FOUND`, `PROHIBITED` */
  async allow(connection: ConnectionId, info: Uint8Array): Promise<void> {
    this.#requireOpen()
    requireBytes('info', info)
    return allow(this.#runtime.context, idFromText(connection), info)
  }

  /** Accepts a request to a contact address; settles when that is stored. @throws RequestError `LARGE`, `NOT_FOUND`, `PROHIBITED` */
  async accept(requestId: string, options: JoinOptions): Promise<ConnectionId> {
    this.#requireOpen()
    requireBytes('info', options?.info)
    return accept(this.#runtime.context, idFromText(requestId), options)
  }

  /** Drops a request. The requester is not told. */
  async reject(requestId: string): Promise<void> {
    this.#requireOpen()
    return reject(this.#runtime.context, idFromText(requestId))
  }

  /**
   * Stores a message to be sent after the earlier ones of its connection. `sent` or `notSent` tells what came of it. At most 15,795 bytes, 13,573
   * where the connection supports post-quantum encryption. Its number within the connection.
   * @throws RequestError `LARGE`, `PROHIBITED`, `SYNCHRONIZATION`, `NOT_FOUND`
   */
  async send(connection: ConnectionId, body: Uint8Array, { notification = true }: SendOptions = {}): Promise<number> {
    this.#requireOpen()
    requireBytes('a message', body)
    return this.#runtime.context.step(idFromText(connection), {}, (step) => {
      requireSending(step)
      requireFits('a message', body.length, maxMessageBody(step.pq))
      return step.send({ type: 'msg', body }, { notification, pq: step.pq ? true : null })
    })
  }

  /**
   * Starts to make new ratchets with the peer: after a `synchronization` event of state `allowed` or `required`, or when `send` refuses with
   * `SYNCHRONIZATION` because a backup was restored. It settles when that is stored; the state `ok` tells that it has succeeded.
   * @throws RequestError `PROHIBITED`, `NOT_FOUND`
   */
  async synchronize(connection: ConnectionId, options?: SynchronizeOptions): Promise<void> {
    this.#requireOpen()
    return synchronize(this.#runtime.context, idFromText(connection), options)
  }

  /**
   * Moves our queue of a connection to another server; `switch` events tell how far it has got. It settles when that is stored.
   * @throws AddressError, RequestError `PROHIBITED`, `SYNCHRONIZATION`, `NOT_FOUND`
   */
  async switchQueue(connection: ConnectionId, options?: SwitchOptions): Promise<void> {
    this.#requireOpen()
    return switchQueue(this.#runtime.context, idFromText(connection), options)
  }

  /** Stays with the present queue, as long as the peer has not agreed. @throws RequestError `PROHIBITED`, `NOT_FOUND` */
  async abortSwitch(connection: ConnectionId): Promise<void> {
    this.#requireOpen()
    return abortSwitch(this.#runtime.context, idFromText(connection))
  }

  /**
   * Deletes a connection or a contact address. It settles when that is stored; nothing more comes from it but `deleted`, when its queues have gone
   * from their servers. The peer is not told. @throws RequestError `NOT_FOUND`
   */
  async deleteConnection(connection: ConnectionId, options?: DeleteOptions): Promise<void> {
    this.#requireOpen()
    return deleteConnection(this.#runtime.context, idFromText(connection), options)
  }

  /**
   * Whether a notification server is to be told of the peer's messages. It settles when that is stored; `notifications` tells when it is done, then
   * `notifiers` has what such a server needs. After `enable: false` what it had is worthless.
   * @throws RequestError `NOT_FOUND`, `PROHIBITED` for a contact address
   */
  async setNotifications(connection: ConnectionId, enable: boolean): Promise<void> {
    this.#requireOpen()
    return setNotifications(this.#runtime.context, idFromText(connection), enable)
  }

  /** What a notification server needs for a connection; empty until `notifications` has come. */
  async notifiers(connection: ConnectionId): Promise<NotifierCredentials[]> {
    this.#requireOpen()
    return notifiersOf(this.#runtime.context, idFromText(connection))
  }

  /** The same for all connections, in pages of at most 1000. */
  allNotifiers(): AsyncIterable<NotifierCredentials[]> {
    this.#requireOpen()
    return allNotifiers(this.#runtime.context)
  }

  /**
   * Fetches what the items of a decrypted push tell of, without subscribing: the messages come as events, and the next one of a queue when the one
   * before is acknowledged. For an agent that was opened with `subscribe: false`; it closes its connections afterwards.
   */
  async wakeUp(items: readonly WakeUpItem[], options?: WakeUpOptions): Promise<WakeUpResult[]> {
    this.#requireOpen()
    return wakeUp(this.#runtime.context, items, options)
  }

  /** What is known of a connection. @throws RequestError `NOT_FOUND` */
  async connection(connection: ConnectionId): Promise<ConnectionInfo> {
    this.#requireOpen()
    return connectionInfo(this.#runtime.context, idFromText(connection))
  }

  /** All connections and contact addresses, in no special order. */
  connections(): AsyncIterable<ConnectionInfo> {
    this.#requireOpen()
    return allConnections(this.#runtime.context)
  }

  /**
   * What has become of a message of ours, by its number. It is forgotten when a receipt for it was acknowledged, or after 21 days.
   * @throws RequestError `NOT_FOUND`
   */
  async messageStatus(connection: ConnectionId, id: number): Promise<MessageStatus> {
    this.#requireOpen()
    return messageStatus(this.#runtime.context, idFromText(connection), id)
  }

  #requireOpen(): void {
    if (this.#runtime.isClosing) throw new RequestError('CLOSED', 'the agent was closed')
  }

  /** Ends all work and connections. What is not finished goes on when the store is opened again. */
  close(): Promise<void> {
    return this.#runtime.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
