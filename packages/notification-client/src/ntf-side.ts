// Spec 20 §7–§12, 23 §4–§6: what a client asks of a server of ntf://.
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import {
  type DeviceToken,
  deviceTokenFromJson,
  NtfClient,
  NtfClientError,
  type NtfClientOptions,
  type NtfCommand,
  NtfReplyError,
  type NtfSubscriptionStatus,
  type NtfTokenStatus,
  providerName,
} from '@smpkit/ntf-protocol'
import type { ServiceInfo, TokenStatus } from '@smpkit/service-protocol/notification'
import type { ConnectionId, NotifierCredentials } from '@smpkit/smp-agent'
import { devicePublicKey } from './device-secret.js'
import { mayPass, NotificationClientError, problemOf } from './errors.js'
import { authKeyOf, type NtfDeletions } from './ntf-deletions.js'
import { Refusal } from './refusal.js'
import { chunks, type Registered, type ServerSide, type TokenCheck } from './server-side.js'
import type { Device, DeviceRecord, NtfRecord, QueueRecord, Records } from './state.js'

export interface NtfSideOptions {
  readonly records: Records
  readonly deletions: NtfDeletions
  readonly ntf: NtfClientOptions
  readonly now: () => number
}

/** So many commands are given at a time. */
const batch = 150
/** In milliseconds: when a subscription is asked for after it was made, and after each time. */
const firstCheck = 24 * 3_600_000
const nextChecks = 3 * firstCheck
/** The same where it is over, and nothing has come of it. */
const overCheck = 3_600_000

const providers = (['AP', 'AD', 'AT', 'AN'] as const).map((tag) => ({ name: providerName(tag) }))
/** The protocol does not tell what a server offers. */
const info: ServiceInfo = {
  service: 'ntf',
  versions: [1],
  providers,
  limits: { batch, tokens: 1, subscriptions: Number.MAX_SAFE_INTEGER },
}

const tokenStatuses: Readonly<Record<NtfTokenStatus, TokenStatus>> = {
  NEW: 'registered',
  REGISTERED: 'registered',
  CONFIRMED: 'confirmed',
  ACTIVE: 'active',
  INVALID: 'invalid',
  EXPIRED: 'expired',
}
/** A token with one of them may subscribe. */
const subscribing: readonly TokenStatus[] = ['active', 'invalid', 'expired']
/** A subscription that is over, and is begun anew with another notifier. */
const over: readonly NtfSubscriptionStatus[] = ['END', 'DELETED', 'AUTH', 'ERR']

/** As the client is closing, or the server is being left. */
const isForNow = (error: unknown): boolean =>
  mayPass(error) || (error instanceof NtfClientError && error.code === 'ABORTED')

const isAuth = (error: unknown): boolean => error instanceof NtfReplyError && error.code === 'AUTH'

export class NtfSide implements ServerSide {
  readonly #options: NtfSideOptions
  #record: NtfRecord | undefined
  /** Ends requests to the present server. */
  #ending = new AbortController()
  #client: NtfClient | undefined
  /** When each subscription is asked for next, by its id; those that are not there: now. */
  #checkAt = new Map<string, number>()

  private constructor(options: NtfSideOptions, record: NtfRecord | undefined) {
    this.#options = options
    this.#record = record
  }

  static async restore(options: NtfSideOptions): Promise<NtfSide> {
    return new NtfSide(options, await options.records.ntf.get())
  }

  get address(): string | undefined {
    return this.#record?.address
  }

  get isLeaving(): boolean {
    return this.#record?.isLeaving === true
  }

  get nextCheck(): number {
    let first = Number.POSITIVE_INFINITY
    for (const at of this.#checkAt.values()) first = Math.min(first, at)
    return first
  }

  async ensure(address: string): Promise<boolean> {
    if (!this.#record) await this.#put({ address, isLeaving: false })
    return true
  }

  async info(): Promise<ServiceInfo> {
    return info
  }

  async register(record: DeviceRecord) {
    const key = authKeyOf(record.authKey)
    const command = {
      tag: 'TNEW',
      ...deviceTokenOf(record.device),
      authKey: key.publicKey,
      dhKey: devicePublicKey(record),
    } as const
    const { tokenId, dhKey } = await this.#ask(record, command)
    // Once it is stored, nothing could be asked about the token, and it would not be registered again.
    if (tokenId.length === 0) throw new NotificationClientError('SERVICE', 'expected the id of a token, got none')
    // A push with the code follows, whatever the token was before.
    return { id: toBase64url(tokenId), dhKey: toBase64url(dhKey.toDer()), isActive: false }
  }

  async replace(record: Registered, device: Device): Promise<void> {
    try {
      await this.#ask(record, { tag: 'TRPL', ...deviceTokenOf(device) }, record.token.id)
    } catch (error) {
      throw error instanceof NtfReplyError ? new Refusal('conflict', error) : error
    }
  }

  async verify(record: Registered, code: Uint8Array): Promise<boolean> {
    const { id, device } = record.token
    try {
      await this.#ask(record, { tag: 'TVFY', code }, id)
      return true
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      // A server that knows us has another code by now, as after a replacement that was repeated, and pushes it again.
      await this.check(record)
      await this.register({ ...record, device })
      return false
    }
  }

  async setPeriod(record: Registered, minutes: number): Promise<void> {
    await this.#ask(record, { tag: 'TCRN', minutes }, record.token.id)
  }

  async check(record: Registered): Promise<TokenCheck> {
    const { status, reason } = await this.#ask(record, { tag: 'TCHK' }, record.token.id)
    return { status: tokenStatuses[status], reason: reason?.toLowerCase() }
  }

  async *subscribe(record: Registered, wanted: readonly NotifierCredentials[]) {
    const { now } = this.#options
    const tokenId = fromBase64url(record.token.id)
    for (const some of chunks(wanted, batch)) {
      const commands = some.map(({ server, notifierId, notifierKey }) => {
        return { command: { tag: 'SNEW', tokenId, server, notifierId, notifierKey } } as const
      })
      const outcomes = await this.#askAll(record, commands)
      // The notifier is somebody else's, unless it is the token that the server refuses.
      if (outcomes.some(({ error }) => isAuth(error))) await this.#requireSubscribing(record)
      for (const [i, one] of some.entries()) {
        const { response, error } = outcomes[i] ?? {}
        if (response) {
          const id = toBase64url(response.subscriptionId)
          this.#checkAt.set(id, now() + firstCheck)
          yield [one, { outcome: 'subscribed', id }] as const
        } else if (isAuth(error)) yield [one, { outcome: 'taken' }] as const
        else if (!isForNow(error)) yield [one, { outcome: 'refused', problem: problemOf(error) }] as const
      }
      throwFirst(outcomes)
    }
  }

  async unsubscribe(record: Registered, ids: readonly string[]): Promise<void> {
    for (const some of chunks(ids, batch)) {
      const commands = some.map((id) => ({ command: { tag: 'SDEL' }, entityId: fromBase64url(id) }) as const)
      throwFirst(await this.#askAll(record, commands))
      for (const id of some) this.#checkAt.delete(id)
    }
  }

  async *over(record: Registered, queues: ReadonlyMap<ConnectionId, QueueRecord>): AsyncGenerator<ConnectionId> {
    const { now } = this.#options
    const due = [...queues].filter(([, { id }]) => (this.#checkAt.get(id) ?? 0) <= now())
    for (const some of chunks(due, batch)) {
      const commands = some.map(([, { id }]) => ({ command: { tag: 'SCHK' }, entityId: fromBase64url(id) }) as const)
      const outcomes = await this.#askAll(record, commands)
      for (const [i, [connection, { id }]] of some.entries()) {
        const { response, error } = outcomes[i] ?? {}
        if (isForNow(error)) continue
        const isOver = isAuth(error) || (response !== undefined && over.includes(response.status))
        this.#checkAt.set(id, now() + (isOver ? overCheck : nextChecks))
        if (isOver) yield connection
      }
      throwFirst(outcomes)
    }
  }

  checkAll(): void {
    this.#checkAt.clear()
  }

  /** What the server has lost is `over`; what only the server has is not told. */
  async repair(): Promise<null> {
    return null
  }

  async lose(): Promise<void> {
    if (this.#record) await this.#put({ ...this.#record, isLeaving: true })
    this.#ending.abort()
  }

  async leave(record: DeviceRecord | undefined): Promise<void> {
    const { deletions } = this.#options
    if (!this.#record || !record?.token) return
    await deletions.add(record.token.id, { address: this.#record.address, authKey: record.authKey })
  }

  async forget(): Promise<void> {
    await this.#options.records.ntf.remove()
    this.#record = undefined
    await this.close()
    this.#ending = new AbortController()
    this.#checkAt.clear()
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#client?.close()
    this.#client = undefined
  }

  async #requireSubscribing(record: Registered): Promise<void> {
    const { status } = await this.check(record)
    if (!subscribing.includes(status)) throw new Refusal('inactive', undefined)
  }

  /** `id`: of a token; none for `TNEW`. */
  async #ask<C extends NtfCommand>(record: DeviceRecord, command: C, id?: string) {
    const { authKey } = record
    const entityId = id === undefined ? undefined : fromBase64url(id)
    try {
      const { signal } = this.#ending
      return await this.#open().request({ command, entityId, key: authKeyOf(authKey) }, { signal })
    } catch (error) {
      throw isAuth(error) ? new Refusal('unknown', error) : error
    }
  }

  #askAll<C extends NtfCommand>(
    { authKey }: DeviceRecord,
    commands: readonly { readonly command: C; readonly entityId?: Uint8Array }[],
  ) {
    const key = authKeyOf(authKey)
    const { signal } = this.#ending
    return this.#open().requestAll(
      commands.map((one) => ({ ...one, key })),
      { signal },
    )
  }

  #open(): NtfClient {
    if (!this.#record) throw new NotificationClientError('CONNECTION', 'expected an address, there is none')
    this.#client ??= new NtfClient(this.#record.address, this.#options.ntf)
    return this.#client
  }

  async #put(record: NtfRecord): Promise<void> {
    await this.#options.records.ntf.put(record)
    this.#record = record
  }
}

/** What an application calls its device. */
function deviceTokenOf({ provider, token }: Device): DeviceToken {
  try {
    const read = deviceTokenFromJson({ pushProvider: provider, token })
    if (read.token.length <= 255) return read
  } catch {
    // Its message is about JSON.
  }
  throw new NotificationClientError(
    'DEVICE',
    'expected a device token of Apple: a text of hex digits, got something else',
  )
}

/** The others have their result; these are asked for again. */
function throwFirst(outcomes: readonly { readonly error?: unknown }[]): void {
  const failed = outcomes.find(({ error }) => isForNow(error))
  if (failed) throw failed.error
}
