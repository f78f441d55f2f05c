// Spec 30 §5, 20 §8–§9, §12: registrations of devices.
import { PrivateKey, type PublicKey, sha256 } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import type { PushProvider } from '@smpkit/push-providers'
import { type Along, withAlong } from './along.js'
import type { Clock } from './clock.js'
import { NotificationServerError } from './errors.js'
import type { Limits } from './limits.js'
import type { Outbox } from './outbox.js'
import { freshRow } from './outbox-rules.js'
import { type Owned, ownRow } from './owned.js'
import { deviceKey, type OutboxRow, outboxId, type SubscriptionRow, type TokenRow, type TokenStatus } from './rows.js'
import { keyHashOf, type Servers } from './servers.js'
import type { Changes, NotificationStore, Rows } from './store.js'
import {
  busy,
  isSameDevice,
  isStale,
  type Judgement,
  judgeCode,
  type Registration,
  registered,
  tombstonesOf,
  used,
  withNewCode,
} from './token-rules.js'

export interface NewToken {
  readonly owner: string
  /** The name of a provider. */
  readonly provider: string
  /** In the provider's form. */
  readonly token: unknown
  /** The client's half of the secret that encrypts pushes. */
  readonly dhKey: PublicKey<'x25519'>
  /** Whether the rules of the NTF protocol hold for it: see `TokenRow`. Default false. */
  readonly ntf?: boolean | undefined
  readonly along?: Along<AddedToken> | undefined
}

export interface AddedToken {
  readonly id: string
  /** Our half. */
  readonly dhKey: PublicKey<'x25519'>
  readonly status: TokenStatus
  /** No row of this owner and device was there before. */
  readonly created: boolean
}

export interface TokenState {
  readonly status: TokenStatus
  readonly reason: string | null
  /** When the status changed, in milliseconds. */
  readonly updatedAt: number
  readonly periodMinutes: number
  /** `hash`: XOR of SHA-256(server key hash ‖ notifier id) of all subscriptions, 32 bytes. */
  readonly subscriptions: { readonly count: number; readonly hash: Uint8Array }
}

export interface TokensOptions {
  readonly store: NotificationStore
  readonly providers: readonly PushProvider[]
  readonly servers: Servers
  readonly outbox: Outbox
  readonly clock: Clock
  readonly limits: Limits
}

type OwnedCode = Owned & { readonly code: Uint8Array; readonly along?: Along<Judgement['result']> | undefined }
type OwnedReplacement = Owned & Pick<NewToken, 'provider' | 'token'> & { readonly along?: Along<void> | undefined }
type OwnedPeriod = Owned & { readonly minutes: number; readonly along?: Along<void> | undefined }

const leastPeriod = 20

/** Kinds of pushes that wait until a token is active. */
const owedLater = ['message', 'check'] as const

export class Tokens {
  readonly #options: TokensOptions

  constructor(options: TokensOptions) {
    this.#options = options
  }

  /**
   * Registers a device, or finds its registration by the same owner, and sends the code to the device. Registering again revives an
   * invalid or expired token; the code stays the same.
   * @throws NotificationServerError BAD_REQUEST, CONFLICT `dhKey`, LIMIT
   */
  async add(given: NewToken): Promise<AddedToken> {
    const { outbox, clock, limits } = this.#options
    const registration = this.registration(given)
    const { owner } = registration
    const selection = {
      // Not those of the device: anybody may register it as often as one likes.
      tokens: { owner: [owner] },
      clients: { owner: [owner] },
      countsOf: owner,
    }
    return outbox.commit(selection, ({ tokens, clients, counts }) => {
      const now = clock.now()
      const { row, created } = registered(registration, { tokens, count: counts.tokens }, now, limits)
      const added = addedToken(row, created)
      const { changes } = this.#withVerification(row, now)
      return withAlong({ changes: { ...changes, clients: busy(clients) }, result: added }, given.along, added)
    })
  }

  /** What a client gave for a token, with the provider's canonical text. @throws NotificationServerError BAD_REQUEST */
  registration({ owner, provider, token, dhKey, ntf = false }: NewToken): Registration {
    return { owner, provider, deviceToken: this.#readToken(provider, token), dhKey, ntf }
  }

  /**
   * Activates a token with the code that was pushed to the device; may be repeated. Other owners' registrations of the device are
   * deleted with their subscriptions. After ten wrong codes a new one is pushed.
   * @throws NotificationServerError NOT_FOUND, FORBIDDEN
   */
  async verify({ owner, id, code, along }: OwnedCode): Promise<void> {
    const { store, servers, outbox, clock, limits } = this.#options
    const found = await this.#find({ owner, id })
    // Not for a wrong code, which anybody may send as often as one likes: others may have registered the device very often.
    const isRight = judgeCode(found, code, clock.now(), limits).result === 'active'
    const device = isRight ? [deviceKey(found.provider, found.deviceToken)] : []
    const { tokens: registrations } = await store.read({ tokens: { device } })
    const read = new Set(registrations.filter((row) => row.owner !== owner).map((row) => row.id))
    const owedIds = { id: owedLater.map((kind) => outboxId(id, kind)) }
    const selection = { tokens: { id: [id], device }, subscriptions: { token: [...read] }, outbox: owedIds }
    const judge = ({ tokens, subscriptions, outbox: owed }: Rows) => {
      const now = clock.now()
      const row = ownRow(tokens, { owner, id })
      const judged = judgeCode(row, code, now, limits)
      const { result } = judged
      const none = { result, lost: [] as readonly SubscriptionRow[] }
      if (result === 'new code') {
        const { changes } = this.#withVerification(judged.row, now)
        return withAlong({ changes, result: none }, along, result)
      }
      const changed = judged.row === row ? [] : [judged.row]
      if (result !== 'active') return withAlong({ changes: { tokens: changed }, result: none }, along, result)
      // One that registered the device a moment ago, and was not read, stays until the next verification.
      const others = tokens.filter((one) => read.has(one.id) && isSameDevice(one, row))
      const removed = new Set(others.map((one) => one.id))
      const lost = subscriptions.filter((one) => removed.has(one.token))
      const remove = { tokens: [...removed], outbox: [outboxId(id, 'verification')] }
      const tombstones = tombstonesOf([...others, ...lost], now)
      // What came before the token was active goes now; how long that is ago, and failures of the token before, do not count.
      const waiting = row.status === 'active' ? [] : owed.map((one) => freshRow(one, now))
      const changes = { tokens: [judged.row], outbox: waiting, tombstones, remove }
      return withAlong({ changes, result: { result, lost } }, along, result)
    }
    const { result } = await outbox.commit(selection, judge, ({ lost }) => servers.unsubscribe(lost))
    if (result !== 'active') throw refusedCode(result)
  }

  /**
   * The device has a new push token: it is to be verified again, all else stays.
   * @throws NotificationServerError NOT_FOUND, BAD_REQUEST, CONFLICT `exists`
   */
  async replace({ owner, id, provider, token, along }: OwnedReplacement): Promise<void> {
    const { clock, limits } = this.#options
    const deviceToken = this.#readToken(provider, token)
    const device = deviceKey(provider, deviceToken)
    const outboxIds = { id: owedLater.map((kind) => outboxId(id, kind)) }
    await this.#options.outbox.commit(
      { tokens: { owner: [owner] }, outbox: outboxIds, tombstones: { id: [id] } },
      ({ tokens, outbox, tombstones }) => {
        const now = clock.now()
        const before = ownRow(tokens, { owner, id }, 'token', tombstones)
        const isOther = (one: TokenRow) => deviceKey(one.provider, one.deviceToken) === device && one.id !== id
        if (tokens.some(isOther))
          throw new NotificationServerError('CONFLICT', 'exists', 'expected a device without a registration')
        const fresh = {
          provider,
          deviceToken,
          status: 'registered' as const,
          reason: null,
          registeredAt: now,
          updatedAt: now,
        }
        const times = { usedAt: now, expiresAt: now + limits.unverifiedExpiry, periodicAt: null }
        const row = withNewCode({ ...before, ...fresh, ...times }, limits)
        // What is owed waits for the new provider.
        const moved = outbox.map((one) => ({ ...one, provider }))
        const { changes } = this.#withVerification(row, now, moved)
        return withAlong({ changes, result: undefined }, along, undefined)
      },
    )
  }

  /** Sets periodic check-messages pushes; 0 turns them off. @throws NotificationServerError NOT_FOUND, BAD_REQUEST `minutes` */
  async setPeriod({ owner, id, minutes, along }: OwnedPeriod): Promise<void> {
    if (!Number.isSafeInteger(minutes) || (minutes !== 0 && minutes < leastPeriod) || minutes > 65535) {
      throw new NotificationServerError('BAD_REQUEST', 'minutes', `expected 0, or ${leastPeriod} to 65535 minutes`)
    }
    const { store, clock, limits } = this.#options
    await store.atomic({ tokens: { id: [id] }, tombstones: { id: [id] } }, ({ tokens, tombstones }) => {
      const row = used(ownRow(tokens, { owner, id }, 'token', tombstones), clock.now(), limits)
      // Clients set it at each start: what is planned is not put off by that.
      const planned = row.periodMinutes === minutes ? row.periodicAt : null
      const periodicAt = minutes > 0 && row.status === 'active' ? (planned ?? clock.now() + minutes * 60_000) : null
      const changes = { tokens: [{ ...row, periodMinutes: minutes, periodicAt }] }
      return withAlong({ changes, result: undefined }, along, undefined)
    })
  }

  /** @throws NotificationServerError NOT_FOUND, GONE */
  async status(owned: Owned): Promise<Pick<TokenState, 'status' | 'reason'>> {
    const row = await this.#find(owned)
    await this.#touchRow(row)
    return { status: row.status, reason: row.reason }
  }

  /** Whose these are; those that are not there are left out. */
  async ownersOf(id: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { tokens } = await this.#options.store.read({ tokens: { id } })
    return new Map(tokens.map((row) => [row.id, row.owner]))
  }

  /** @throws NotificationServerError NOT_FOUND, GONE */
  async get(owned: Owned): Promise<TokenState> {
    const row = await this.#find(owned)
    await this.#touchRow(row)
    const { subscriptions } = await this.#options.store.read({ subscriptions: { token: [row.id] } })
    const hash = new Uint8Array(32)
    for (const { server, notifierId } of subscriptions) {
      sha256(concat(keyHashOf(server), notifierId)).forEach((byte, i) => {
        hash[i] = (hash[i] as number) ^ byte
      })
    }
    const { status, reason, updatedAt, periodMinutes } = row
    return { status, reason, updatedAt, periodMinutes, subscriptions: { count: subscriptions.length, hash } }
  }

  /** Deletes a token with its subscriptions and what is owed to it. @throws NotificationServerError NOT_FOUND, GONE */
  remove({ along, ...owned }: Owned & { readonly along?: Along<void> | undefined }): Promise<void> {
    return this.#forget([owned.id], (row) => row.owner === owned.owner, { owned, along })
  }

  /** Deletes tokens of any owners, of these those that are so. */
  forget(token: readonly string[], where: (row: TokenRow) => boolean): Promise<void> {
    return this.#forget(token, where, {})
  }

  /** @throws NotificationServerError NOT_FOUND, GONE if `owned` is not there */
  async #forget(
    token: readonly string[],
    where: (row: TokenRow) => boolean,
    { owned, along }: { readonly owned?: Owned; readonly along?: Along<void> | undefined },
  ): Promise<void> {
    const { store, servers, clock, limits } = this.#options
    const selection = {
      tokens: { id: token },
      subscriptions: { token },
      ...(owned && { tombstones: { id: token }, countsOf: owned.owner }),
    }
    const lost = await store.atomic(selection, (rows) => {
      if (owned) ownRow(rows.tokens, owned, 'token', rows.tombstones)
      const removed = rows.tokens.filter(where)
      const ids = new Set(removed.map(({ id }) => id))
      const lost = rows.subscriptions.filter((row) => ids.has(row.token))
      const room = limits.tombstones - rows.counts.tombstones
      const tombstones = tombstonesOf([...removed, ...lost], clock.now(), room)
      return withAlong({ changes: { tombstones, remove: { tokens: [...ids] } }, result: lost }, along, undefined)
    })
    servers.unsubscribe(lost)
  }

  /** Notes that the client of these tokens is alive; written once a day. */
  async touch(owner: string, id: readonly string[]): Promise<void> {
    const { store, clock, limits } = this.#options
    const { tokens } = await store.read({ tokens: { id } })
    if (!tokens.some((row) => isStale(row, owner, clock.now()))) return
    await store.atomic({ tokens: { id } }, (rows) => {
      const now = clock.now()
      const stale = rows.tokens.filter((row) => isStale(row, owner, now))
      return { changes: { tokens: stale.map((row) => used(row, now, limits)) }, result: undefined }
    })
  }

  /** The same for one that was read a moment ago. */
  async #touchRow(row: TokenRow): Promise<void> {
    if (isStale(row, row.owner, this.#options.clock.now())) await this.touch(row.owner, [row.id])
  }

  #readToken(name: string, token: unknown): string {
    const provider = this.#options.providers.find((one) => one.name === name)
    if (!provider)
      throw new NotificationServerError('BAD_REQUEST', 'provider', 'expected the name of a provider of this server')
    try {
      return provider.readToken(token)
    } catch (cause) {
      throw new NotificationServerError('BAD_REQUEST', 'token', 'expected a device token of the provider', { cause })
    }
  }

  /** @throws NotificationServerError NOT_FOUND, GONE */
  async #find({ owner, id }: Owned): Promise<TokenRow> {
    const { tokens, tombstones } = await this.#options.store.read({ tokens: { id: [id] }, tombstones: { id: [id] } })
    return ownRow(tokens, { owner, id }, 'token', tombstones)
  }

  #withVerification(row: TokenRow, now: number, others: readonly OutboxRow[] = []): { readonly changes: Changes } {
    return { changes: { tokens: [row], outbox: [owedVerification(row, now), ...others] } }
  }
}

export const owedVerification = (row: TokenRow, now: number): OutboxRow =>
  freshRow({ token: row.id, kind: 'verification', provider: row.provider }, now)

export function addedToken(row: TokenRow, created: boolean): AddedToken {
  return { id: row.id, dhKey: PrivateKey.fromRaw('x25519', row.serverKey).publicKey, status: row.status, created }
}

/** Why a code did not activate a token. */
export function refusedCode(result: Exclude<Judgement['result'], 'active'>): NotificationServerError {
  return result === 'status'
    ? new NotificationServerError('FORBIDDEN', 'status', 'expected a registered token')
    : new NotificationServerError('FORBIDDEN', 'code', 'expected the code that was pushed, got another')
}
