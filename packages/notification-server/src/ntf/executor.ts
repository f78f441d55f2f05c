// Spec 20 §7–§12: the commands of one connection, checked and carried out in their order.
import type { AuthKey } from '@smpkit/crypto'
import {
  checkNtfAuthorization,
  type NtfCommand,
  type NtfResponse,
  type NtfServerEnd,
  type ProviderTag,
  providerName,
  type ReceivedCommand,
} from '@smpkit/ntf-protocol'
import type { ErrorType } from '@smpkit/smp-commands'
import { NotificationServerError } from '../errors.js'
import type { Core } from '../front-door.js'
import type { Pace } from './pace.js'
import { idBytes, idText, keyOf, ownerOf, refusal, subscriptionResponse, tokenResponse } from './words.js'

export interface Answer {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  readonly response: NtfResponse
}

/** One that could be read. */
type Readable = Extract<ReceivedCommand, { readonly command: NtfCommand }>

/** A command whose owner has authorized it. */
interface Authorized {
  readonly received: Readable
  readonly owner: string
}

/** One whose answer is known without a look at the store. */
interface Answered {
  readonly received: ReceivedCommand
  readonly response: NtfResponse
}

type Step = Authorized | Answered

export interface ExecutorOptions {
  readonly core: Core
  readonly end: NtfServerEnd
  /** Whether AT is let in. */
  readonly testProvider: boolean
  /** For checks of signatures, of all connections. */
  readonly pace: Pace
  /** Settles when there is room for one more push to an unverified device. @throws where the connection ends */
  readonly register: () => Promise<void>
}

/** Of so many owners the keys are kept: a connection is one device's. */
const maxKeys = 16

export class Executor {
  readonly #options: ExecutorOptions
  readonly #keys = new Map<string, AuthKey | undefined>()

  constructor(options: ExecutorOptions) {
    this.#options = options
  }

  /**
   * Gives the answers one after the other, each when what it tells of is in the store. Commands of a kind that stand together are one
   * transaction.
   * @throws what the store does: then nobody knows what became of the command, and the client is to ask again
   */
  async *execute(received: readonly ReceivedCommand[]): AsyncGenerator<readonly Answer[]> {
    const steps = await this.#authorize(received)
    for (let i = 0; i < steps.length; ) {
      const run = runFrom(steps, i)
      yield await this.#run(run)
      i += run.length
    }
  }

  /** Who commands; nothing of it changes while the commands before are carried out. */
  async #authorize(received: readonly ReceivedCommand[]): Promise<Step[]> {
    const { core, pace } = this.#options
    const [tokens, subscriptions] = idsOf(received)
    const owners = new Map([
      ...(tokens.length > 0 ? await core.tokens.ownersOf(tokens) : []),
      ...(subscriptions.length > 0 ? await core.subscriptions.ownersOf(subscriptions) : []),
    ])
    const steps: Step[] = []
    while (steps.length < received.length) {
      const count = await pace.take(received.length - steps.length)
      const some = received.slice(steps.length, steps.length + count)
      steps.push(...some.map((one) => this.#check(one, owners)))
    }
    return steps
  }

  #check(received: ReceivedCommand, owners: ReadonlyMap<string, string>): Step {
    if ('error' in received) return { received, response: errorResponse(received.error) }
    const { command } = received
    if (command.tag === 'PING') return { received, response: { tag: 'PONG' } }
    const owner = command.tag === 'TNEW' ? ownerOf(command.authKey) : owners.get(subjectOf(received))
    const key = command.tag === 'TNEW' ? command.authKey : owner === undefined ? undefined : this.#keyOf(owner)
    return checkNtfAuthorization(this.#options.end, received, key) && owner !== undefined
      ? { received, owner }
      : { received, response: errorResponse({ code: 'AUTH' }) }
  }

  #keyOf(owner: string): AuthKey | undefined {
    if (!this.#keys.has(owner)) {
      const [oldest] = this.#keys.keys()
      if (this.#keys.size >= maxKeys && oldest !== undefined) this.#keys.delete(oldest)
      this.#keys.set(owner, keyOf(owner))
    }
    return this.#keys.get(owner)
  }

  async #run(run: readonly Step[]): Promise<readonly Answer[]> {
    const [first] = run
    if (first === undefined) return []
    if ('response' in first)
      return (run as readonly Answered[]).map(({ received, response }) => answerTo(received, response))
    const own = run as readonly Authorized[]
    const responses = await this.#carryOut(own, first)
    return own.map(({ received }, i) => answerTo(received, responses[i] ?? errorResponse({ code: 'INTERNAL' })))
  }

  async #carryOut(run: readonly Authorized[], first: Authorized): Promise<readonly NtfResponse[]> {
    const { subscriptions } = this.#options.core
    const { owner } = first
    const ids = run.map(({ received }) => idText(received.entityId))
    switch (first.received.command.tag) {
      case 'SNEW': {
        const items = run.map(({ received }) => itemOf(received.command as Extract<NtfCommand, { tag: 'SNEW' }>))
        const added = await subscriptions.begin({ owner, items, awaited: false })
        return added.map((item) =>
          'error' in item ? refused(item.error) : { tag: 'IDSUB', subscriptionId: idBytes(item.id) },
        )
      }
      case 'SCHK': {
        const states = await subscriptions.getAll({ owner, ids })
        return states.map((state) =>
          state instanceof NotificationServerError ? refused(state) : subscriptionResponse(state),
        )
      }
      case 'SDEL': {
        const results = await subscriptions.removeAll({ owner, ids })
        return results.map((error) => (error ? refused(error) : { tag: 'OK' }))
      }
      default:
        return [await this.#single(first).catch(refusedOrThrow)]
    }
  }

  async #single({ received, owner }: Authorized): Promise<NtfResponse> {
    const { tokens } = this.#options.core
    const { command } = received
    const id = idText(received.entityId)
    switch (command.tag) {
      case 'TNEW': {
        await this.#options.register()
        const added = await tokens.add({ owner, ...this.#deviceOf(command), dhKey: command.dhKey, ntf: true })
        return { tag: 'IDTKN', tokenId: idBytes(added.id), dhKey: added.dhKey }
      }
      case 'TVFY':
        await tokens.verify({ owner, id, code: command.code })
        return { tag: 'OK' }
      case 'TCHK':
        return tokenResponse(await tokens.status({ owner, id }))
      case 'TRPL':
        // It may name any device, as often as it likes.
        await this.#options.register()
        await tokens.replace({ owner, id, ...this.#deviceOf(command) })
        return { tag: 'OK' }
      case 'TDEL':
        await tokens.remove({ owner, id })
        return { tag: 'OK' }
      case 'TCRN':
        await tokens.setPeriod({ owner, id, minutes: command.minutes })
        return { tag: 'OK' }
      default:
        return errorResponse({ code: 'INTERNAL' })
    }
  }

  /** Token bytes are text for all providers of the protocol (20 §6); what is no text fits none. */
  #deviceOf({ provider, token }: { readonly provider: ProviderTag; readonly token: Uint8Array }) {
    if (provider === 'AT' && !this.#options.testProvider) {
      throw new NotificationServerError('BAD_REQUEST', 'provider', 'expected a provider other than that of tests')
    }
    return { provider: providerName(provider), token: String.fromCharCode(...token) }
  }
}

const errorResponse = (error: ErrorType): NtfResponse => ({ tag: 'ERR', error })

const refused = (error: NotificationServerError): NtfResponse => errorResponse(refusal(error))

function refusedOrThrow(error: unknown): NtfResponse {
  if (error instanceof NotificationServerError) return refused(error)
  throw error
}

/** 20 §8: what makes something new is answered without an entity, as it was asked. */
const answerTo = ({ corrId, entityId }: ReceivedCommand, response: NtfResponse): Answer => ({
  corrId,
  entityId,
  response,
})

const batched: ReadonlySet<string> = new Set(['SNEW', 'SCHK', 'SDEL'])

/** From there on those that can be carried out at once: of one owner and one kind, or answered already. */
function runFrom(steps: readonly Step[], from: number): readonly Step[] {
  const first = steps[from]
  let to = from + 1
  while (isSame(first, steps[to])) to++
  return steps.slice(from, to)
}

function isSame(first: Step | undefined, step: Step | undefined): boolean {
  if (!first || !step) return false
  if ('response' in first || 'response' in step) return 'response' in first && 'response' in step
  const { tag } = first.received.command
  return batched.has(tag) && step.owner === first.owner && step.received.command.tag === tag
}

const isOfSubscription = ({ tag }: NtfCommand): boolean => tag === 'SCHK' || tag === 'SDEL'

/** The id of what decides who may command. */
const subjectOf = ({ command, entityId }: Readable): string =>
  idText(command.tag === 'SNEW' ? command.tokenId : entityId)

function idsOf(received: readonly ReceivedCommand[]): [tokens: string[], subscriptions: string[]] {
  const readable = received.filter((one): one is Readable => 'command' in one)
  const withSubject = readable.filter(({ command: { tag } }) => tag !== 'TNEW' && tag !== 'PING')
  const ids = (of: readonly Readable[]) => [...new Set(of.map(subjectOf))]
  return [
    ids(withSubject.filter(({ command }) => !isOfSubscription(command))),
    ids(withSubject.filter(({ command }) => isOfSubscription(command))),
  ]
}

const itemOf = ({ tokenId, server, notifierId, notifierKey }: Extract<NtfCommand, { tag: 'SNEW' }>) => ({
  server,
  notifierId,
  notifierKey,
  token: idText(tokenId),
})
