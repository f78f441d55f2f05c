// Spec 30 §3: each request once, whatever is repeated; its effect and its answer are in the store before it is acknowledged.
import { constantTimeEqual, randomBytes, sha256 } from '@smpkit/crypto'
import { encode, int64, toBase64urlUnpadded } from '@smpkit/encoding'
import {
  type Answer,
  encodeResponse,
  failure,
  isTemporary,
  maxServiceMessagePq,
  readMessage,
  requestContent,
  type ServiceRequest,
} from '@smpkit/service-protocol'
import type { EventOf } from '@smpkit/smp-agent'
import type { NewAnswer } from '../answers.js'
import type { Core } from '../front-door.js'
import { errorKind } from '../logger.js'
import { pause } from '../pause.js'
import { RateLimit } from '../rate-limit.js'
import type { AnswerRow } from '../rows.js'
import { addedSubscriptions } from './answers.js'
import { type Form, type Held, heldFromBytes, heldToBytes } from './held.js'
import type { Replies } from './replies.js'
import { createResources, type RequestContext } from './resources.js'

export interface RequestsOptions {
  readonly core: Core
  readonly replies: Replies
  readonly closing: AbortSignal
}

/** What all answers to one request have in common. */
interface Request {
  readonly owner: string
  readonly requestId: string
  readonly hash: Uint8Array
  readonly form: Form
}

const minute = 60_000

export class Requests {
  readonly #options: RequestsOptions
  readonly #resources: ReturnType<typeof createResources>
  readonly #limit: RateLimit
  /** Those whose answers are waited for, by the ids of these. */
  readonly #running = new Map<string, Promise<void>>()

  constructor(options: RequestsOptions) {
    this.#options = options
    this.#resources = createResources(options.core.logger)
    this.#limit = new RateLimit(options.core.clock, options.core.limits.requests, minute)
  }

  /** Takes up what an earlier process owed. */
  async resume(): Promise<void> {
    for await (const row of this.#options.core.answers.unsent()) this.#give(row)
  }

  /** Whether the message may be acknowledged: not so if the door is being closed. @throws what the store does: to be called again */
  async handle({ connection: owner, body, sentId }: EventOf<'message'>): Promise<boolean> {
    const request = readMessage(body)
    // What is no request is a person's, or an answer to nobody.
    if (request.kind !== 'request') return true
    const { core, closing } = this.#options
    // Without an id of its own, the agent's message id takes its place.
    const requestId = request.id ?? toBase64urlUnpadded(encode(int64, sentId))
    const { syntax, version } = request
    const form: Form = { ref: requestId, syntax, version }
    const one: Request = { owner, requestId, hash: sha256(requestContent(request)), form }

    const wait = this.#limit.take(owner)
    if (wait > 0) {
      await this.#refuse(one, failure('too_many', { reason: 'requests', retryAfter: Math.ceil(wait / 1000) }))
      // Refusals cost as well: whoever floods us is not read meanwhile.
      await pause(core.clock, wait, closing)
      return true
    }
    const known = await core.answers.find(owner, requestId)
    if (known && !constantTimeEqual(known.hash, one.hash)) {
      await this.#refuse(one, failure('conflict', { reason: 'id_reused' }))
      return true
    }
    if (known) {
      this.#give(known.state === 'sent' ? await core.answers.oweAgain(known) : known)
      return true
    }
    return this.#dispatch(request, one).then(() => !closing.aborted)
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  /** Settles when the answer is in the store, or what is needed to make it. */
  async #dispatch(request: ServiceRequest, one: Request): Promise<void> {
    const { core, closing } = this.#options
    let failed: unknown
    const context: RequestContext = {
      core,
      owner: one.owner,
      answer: (answer) => core.answers.row(answerOf(one, answer)),
      hold: (held) => core.answers.row(waitingFor(one, held)),
      onStoreError: (error) => {
        failed = error
      },
    }
    const answer = await this.#resources.dispatch(request, context, { signal: closing })
    if (closing.aborted) return
    // What failed after the effect does not matter any more.
    const row = await core.answers.find(one.owner, one.requestId)
    if (!row && failed !== undefined) throw failed
    this.#give(row ?? (await core.answers.owe(answerOf(one, answer))))
  }

  #give(row: AnswerRow): void {
    if (row.state === 'waiting') this.#finish(row)
    else this.#options.replies.send(row)
  }

  /** An answer that is of this message only: another request has its id, or it may be asked again. */
  async #refuse(one: Request, answer: Answer): Promise<void> {
    const requestId = `${one.requestId} ${toBase64urlUnpadded(randomBytes(9))}`
    const { core, replies } = this.#options
    replies.send(await core.answers.owe({ ...answerOf(one, answer), requestId, kept: false }))
  }

  /** Waits for what the answer depends on, and gives it. */
  #finish(row: AnswerRow): void {
    if (this.#running.has(row.id)) return
    const running = this.#tryToFinish(row).finally(() => this.#running.delete(row.id))
    this.#running.set(row.id, running)
  }

  /** Never rejects. */
  async #tryToFinish(row: AnswerRow): Promise<void> {
    const { core, replies, closing } = this.#options
    const { held, form } = heldFromBytes(row.body)
    while (!closing.aborted) {
      try {
        let owed = row
        await core.subscriptions.settle({
          items: held.items,
          wait: held.wait,
          signal: closing,
          along: (added) => {
            owed = { ...row, ...written(form, addedSubscriptions(added, held.several)) }
            return owed
          },
        })
        return replies.send(owed)
      } catch (error) {
        if (closing.aborted) return
        core.logger.error({ error: errorKind(error) }, 'an answer could not be stored')
        await pause(core.clock, core.limits.storeRetry, closing)
      }
    }
  }
}

const waitingFor = ({ owner, requestId, hash, form }: Request, held: Held): NewAnswer => ({
  owner,
  requestId,
  hash,
  state: 'waiting',
  kept: true,
  body: heldToBytes(held, form),
})

const answerOf = ({ owner, requestId, hash, form }: Request, answer: Answer): NewAnswer => ({
  owner,
  requestId,
  hash,
  ...written(form, answer),
})

/** The message, and what becomes of it. Answers fit whatever keys a connection has. */
function written({ ref, syntax, version }: Form, answer: Answer): Pick<NewAnswer, 'state' | 'kept' | 'body'> {
  const body = encodeResponse({ ref, ...answer }, { syntax, version, maxLength: maxServiceMessagePq })
  return { state: 'owed', kept: !isTemporary(answer.status), body }
}
