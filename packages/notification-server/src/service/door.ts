// Spec 30 §5: clients come over agent connections to the permanent contact address of the notification server.
import { setMaxListeners } from 'node:events'
import { type AgentEvent, type EventOf, type Links, RequestError, type SmpAgent } from '@smpkit/smp-agent'
import type { Core, FrontDoor } from '../front-door.js'
import { errorKind } from '../logger.js'
import { pause } from '../pause.js'
import { RateLimit } from '../rate-limit.js'
import { Replies } from './replies.js'
import { Requests } from './requests.js'

export interface ServiceDoorOptions {
  /** Open, and used for nothing else; it stays the caller's, and is closed after the server. */
  readonly agent: SmpAgent
  /** Shown to clients, which are people's phones: a short text. */
  readonly name: string
  /** How the links of the contact address begin. Default: `simplex:`. */
  readonly scheme?: 'simplex:' | 'https://simplex.chat'
}

export interface ServiceDoor extends FrontDoor {
  /** The contact address; made at the first call or start, which needs an SMP server. */
  address(): Promise<Links>
}

/** The `s.*` service of the notification server. */
export function serviceDoor(options: ServiceDoorOptions): ServiceDoor {
  const door = new Door(options)
  return {
    name: 'service',
    address: () => door.address(),
    start: (core) => door.start(core),
    drop: (owner) => door.drop(owner),
    close: () => door.close(),
  }
}

/** What there is from the start on. */
interface Work {
  readonly core: Core
  readonly requests: Requests
  readonly replies: Replies
  readonly accepts: RateLimit
}

class Door {
  readonly #agent: SmpAgent
  readonly #profile: Uint8Array
  readonly #scheme: ServiceDoorOptions['scheme']
  readonly #closing = new AbortController()
  /** What is being done for each connection: one thing after the other. */
  readonly #chains = new Map<string, Promise<void>>()
  #work: Work | undefined
  #reading: Promise<void> = Promise.resolve()
  #address: Promise<Links> | undefined

  constructor({ agent, name, scheme }: ServiceDoorOptions) {
    this.#agent = agent
    this.#scheme = scheme
    this.#profile = infoOf(name)
    // As many wait as there are requests.
    setMaxListeners(0, this.#closing.signal)
  }

  address(): Promise<Links> {
    this.#address ??= this.#findAddress().catch((error) => {
      this.#address = undefined
      throw error
    })
    return this.#address
  }

  async start(core: Core): Promise<void> {
    const replies = new Replies(this.#agent, core)
    const requests = new Requests({ core, replies, closing: this.#closing.signal })
    this.#work = { core, requests, replies, accepts: new RateLimit(core.clock, core.limits.accepts, 1000) }
    await requests.resume()
    await this.#reconcile(core)
    this.#reading = this.#read(core)
    this.address().catch((error) => {
      core.logger.error(
        { error: errorKind(error) },
        'the contact address could not be made; it is tried again when asked for',
      )
    })
  }

  /** Nothing is left of the connection afterwards, for us; the client is not told. */
  async drop(owner: string): Promise<void> {
    await this.#agent.deleteConnection(owner).catch(ignoreGone)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reading
    await Promise.all(this.#chains.values())
    await this.#work?.requests.close()
    await this.#work?.replies.close()
  }

  async #findAddress(): Promise<Links> {
    const options = this.#scheme === undefined ? {} : { scheme: this.#scheme }
    for await (const { connection, mode, isBeingDeleted } of this.#agent.connections()) {
      if (mode === 'contact' && !isBeingDeleted) return this.#agent.links(connection, options)
    }
    return this.#agent.createAddress({ ...options, short: true, userData: this.#profile })
  }

  /** Connections that were accepted, but not noted before a crash; and clients whose connection is gone. */
  async #reconcile({ clients }: Core): Promise<void> {
    const gone = new Set<string>()
    for await (const { owner } of clients.all()) gone.add(owner)
    for await (const { connection, mode, isBeingDeleted } of this.#agent.connections()) {
      if (mode === 'contact' || isBeingDeleted) continue
      if (!gone.delete(connection)) await clients.ensure(connection)
    }
    for (const owner of gone) await clients.remove(owner)
  }

  async #read(core: Core): Promise<void> {
    try {
      for await (const event of this.#agent.events({ signal: this.#closing.signal })) {
        // Requests to connect are of one address, and come one after the other.
        const { connection } = event
        const before = this.#chains.get(connection) ?? Promise.resolve()
        const chain = before
          .then(() => this.#settle(event, core))
          .finally(() => {
            if (this.#chains.get(connection) === chain) this.#chains.delete(connection)
          })
        this.#chains.set(connection, chain)
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) core.logger.error({ error: errorKind(error) }, 'the events of the agent ended')
    }
  }

  /** Until it is dealt with: what is not acknowledged would come again only after a restart. Never rejects. */
  async #settle(event: AgentEvent, core: Core): Promise<void> {
    const { clock, limits, logger } = core
    while (!this.#closing.signal.aborted) {
      try {
        if (await this.#handle(event)) await event.ack()
        return
      } catch (error) {
        if (this.#closing.signal.aborted) return
        logger.error({ error: errorKind(error), event: event.type }, 'an event of the agent could not be dealt with')
        if ((error as { temporary?: unknown } | undefined)?.temporary !== true)
          return void (await event.ack().catch(() => undefined))
        await pause(clock, limits.storeRetry, this.#closing.signal)
      }
    }
  }

  /** Whether the event is dealt with: not so if the door is being closed. */
  async #handle(event: AgentEvent): Promise<boolean> {
    const { core, requests } = this.#work as Work
    const { connection } = event
    switch (event.type) {
      case 'request':
        return this.#accept(event)
      case 'connected':
        await core.clients.ensure(connection)
        return true
      case 'message':
        return requests.handle(event)
      case 'synchronization':
        if (event.state === 'required') await this.#agent.synchronize(connection).catch(ignoreGone)
        return true
      case 'failed':
        if (await this.#isAddress(connection)) {
          // It is what clients have, and may be back when its SMP server is restored: only the operator may give it up.
          core.logger.error({}, 'the contact address works no more')
          return true
        }
        await this.drop(connection)
        await core.clients.remove(connection)
        return true
      case 'deleted':
        await core.clients.remove(connection)
        return true
      default:
        // Clients' profiles and receipts are of no interest.
        return true
    }
  }

  async #isAddress(connection: string): Promise<boolean> {
    const info = await this.#agent.connection(connection).catch(ignoreGone)
    return info?.mode === 'contact'
  }

  /** At once, within the limit for all. */
  async #accept({ requestId }: EventOf<'request'>): Promise<boolean> {
    const { core, accepts } = this.#work as Work
    for (let wait = accepts.take(''); wait > 0; wait = accepts.take('')) {
      await pause(core.clock, wait, this.#closing.signal)
      if (this.#closing.signal.aborted) return false
    }
    try {
      const connection = await this.#agent.accept(requestId, { info: this.#profile })
      await core.clients.ensure(connection)
    } catch (error) {
      // It was accepted before a crash.
      ignoreGone(error)
    }
    return true
  }
}

/** Spec 31: `x.info`. */
function infoOf(displayName: string): Uint8Array {
  const info = { v: '1', event: 'x.info', params: { profile: { displayName, fullName: '' } } }
  return new TextEncoder().encode(JSON.stringify(info))
}

/** No such connection or request any more. */
function ignoreGone(error: unknown): undefined {
  if (!(error instanceof RequestError) || (error.code !== 'NOT_FOUND' && error.code !== 'PROHIBITED')) throw error
}
