// Spec 13 §13.3 to §13.6: connects if that was not done before, sends, and waits for what is to come of it.
import { type AgentEvent, RequestError } from '@smpkit/smp-agent'
import { parseLink } from '@smpkit/smp-agent/links'
import {
  type AgentProgram,
  decodeBody,
  eachEvent,
  encodeContactInfo,
  encodeInfo,
  exitCodes,
  type Records,
  type Running,
  wantsNotification,
} from 'example-chat'
import { linkId } from './link.js'
import type { Report, Result, State } from './report.js'

export interface Delivery {
  readonly link: string
  readonly body: Uint8Array
  /** Whether the peer's receipt is waited for. */
  readonly receipt: boolean
  /** Of ours, for the peer. */
  readonly name: string
  readonly timeout: AbortSignal
  readonly report: Report
}

/** What is remembered of a connection that was begun. */
interface Known {
  readonly link: string
  readonly isConnected: boolean
}

/** Settles when it is known what has become of the text, at the latest with the timeout. @throws what `join` throws */
export async function deliver(program: AgentProgram, running: Running, delivery: Delivery): Promise<Result> {
  const courier = new Courier(program, delivery)
  try {
    await courier.begin(running.signal)
    await eachEvent(program, running, async (event) => {
      await courier.handle(event)
      return courier.result && 'end'
    })
  } catch (error) {
    if (!delivery.timeout.aborted) throw error
  }
  return courier.result ?? courier.late()
}

class Courier {
  result: Result | undefined
  readonly #program: AgentProgram
  readonly #delivery: Delivery
  readonly #links: Records<string>
  readonly #connections: Records<Known>
  #connection = ''
  #message: number | undefined
  #state: State = 'requested'
  #reused = false
  /** What holds it up, if the agent has told. */
  #hindrance: string | undefined

  constructor(program: AgentProgram, delivery: Delivery) {
    this.#program = program
    this.#delivery = delivery
    this.#links = program.archive.records('links')
    this.#connections = program.archive.records('connections')
  }

  async begin(signal: AbortSignal): Promise<void> {
    const { agent } = this.#program
    const { link, name, report } = this.#delivery
    const id = linkId(link)
    const former = await this.#links.get(id)
    const known = former === undefined ? undefined : await this.#connections.get(former)
    if (former !== undefined && known) {
      this.#reused = true
      this.#connection = former
      if (known.isConnected) await this.#send()
      else report.progress('requested')
      return
    }
    const info = parseLink(link).type === 'contact' ? encodeContactInfo(name) : encodeInfo(name)
    this.#connection = await agent.join(link, { info, signal })
    await this.#connections.put(this.#connection, 0, { link: id, isConnected: false })
    await this.#links.put(id, 0, this.#connection)
    report.progress('requested')
  }

  /** Also of connections that earlier runs were for. */
  async handle(event: AgentEvent): Promise<void> {
    const { agent } = this.#program
    const { connection } = event
    switch (event.type) {
      case 'confirmation':
        await agent.allow(connection, encodeInfo(this.#delivery.name))
        break
      case 'connected':
        await this.#connected(connection)
        break
      case 'synchronization':
        if (event.state === 'allowed' || event.state === 'required') await agent.synchronize(connection)
        if (event.state === 'ok' && connection === this.#connection && this.#state === 'accepted') await this.#send()
        break
      case 'message':
        if ((await decodeBody(event.body)).messages.some(({ event }) => event === 'x.direct.del')) {
          await this.#lost(connection, 'the peer has deleted the contact')
        }
        break
      case 'failed':
        await this.#lost(connection, `the connection cannot be made: ${event.reason} (${event.code})`)
        break
      case 'error':
        if (connection === this.#connection) this.#delivery.report.note(`${event.reason} (${event.code})`)
        break
      default:
        if (connection === this.#connection && event.id === this.#message) await this.#onOurMessage(event)
    }
    await event.ack()
  }

  async #connected(connection: string): Promise<void> {
    const known = await this.#connections.get(connection)
    if (known) await this.#connections.put(connection, 0, { ...known, isConnected: true })
    if (connection === this.#connection && this.#message === undefined) await this.#send()
  }

  async #send(): Promise<void> {
    const { agent } = this.#program
    this.#progress('accepted')
    try {
      const notification = wantsNotification('x.msg.new')
      this.#message = await agent.send(this.#connection, this.#delivery.body, { notification })
      this.#progress('queued')
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      if (error.code !== 'SYNCHRONIZATION') return this.#fail(error.message)
      // The database was restored from a backup: `synchronization` tells when it goes on.
      this.#hindrance = 'the encryption has to be made anew, and the peer has not answered'
      await agent.synchronize(this.#connection)
    }
  }

  async #onOurMessage(event: AgentEvent): Promise<void> {
    const { receipt } = this.#delivery
    if (event.type === 'sent') {
      this.#progress('sent')
      if (!receipt) this.#end('delivered')
    } else if (event.type === 'receipt' && event.status === 'received') {
      this.#progress('received')
      this.#end('received')
    } else if (event.type === 'receipt') {
      this.#fail('the peer has received another text than we sent')
    } else if (event.type === 'notSent') {
      const problem = `the text cannot be delivered: ${event.reason} (${event.code})`
      if (event.code === 'AUTH') await this.#lost(this.#connection, `${problem}: the peer has deleted the connection`)
      else this.#fail(problem)
    } else if (event.type === 'waiting') {
      this.#hindrance = `the text waits: ${event.reason}`
      this.#delivery.report.note(this.#hindrance)
    }
  }

  /** The next run with this link connects anew. */
  async #lost(connection: string, problem: string): Promise<void> {
    const known = await this.#connections.get(connection)
    if (known) await this.#links.remove(known.link)
    await this.#connections.remove(connection)
    await this.#program.agent.deleteConnection(connection)
    if (connection === this.#connection) this.#fail(problem)
  }

  #progress(state: State): void {
    this.#state = state
    this.#delivery.report.progress(state)
  }

  #end(result: 'delivered' | 'received'): void {
    this.result = { result, exitCode: exitCodes.ok, state: this.#state, reused: this.#reused }
  }

  #fail(problem: string): void {
    const { refused } = exitCodes
    this.result = { result: 'failed', exitCode: refused, state: this.#state, reused: this.#reused, problem }
  }

  /** The time is over. */
  late(): Result {
    const [trouble] = this.#program.troubles()
    const [exitCode, why] = this.#whyLate(trouble)
    const problem = trouble ?? this.#hindrance ?? why
    return { result: 'failed', exitCode, state: this.#state, reused: this.#reused, problem }
  }

  #whyLate(trouble: string | undefined) {
    if (this.#state === 'sent') return [exitCodes.unconfirmed, 'the receipt did not come in time'] as const
    if (trouble !== undefined) return [exitCodes.network, trouble] as const
    if (this.#state === 'requested') return [exitCodes.late, 'nobody has accepted in time'] as const
    return [this.#hindrance ? exitCodes.late : exitCodes.network, 'the server did not take the text in time'] as const
  }
}
