// Spec 30 §5, 20 §8–§9, §12: registrations of devices.
import { constantTimeEqual, PrivateKey, type PublicKey, sha256 } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import type { PushProvider } from '@smpkit/push-providers'
import type { Clock } from './clock.js'
import { NotificationServerError } from './errors.js'
import type { Limits } from './limits.js'
import type { Outbox } from './outbox.js'
import { freshRow } from './outbox-rules.js'
import { type Owned, ownRow } from './owned.js'
import { deviceKey, type OutboxRow, outboxId, type TokenRow, type TokenStatus } from './rows.js'
import { keyHashOf, type Servers } from './servers.js'
import type { Decision, NotificationStore } from './store.js'
import { isSameDevice, isStale, judgeCode, newToken, revived, used, withNewCode } from './token-rules.js'

export interface NewToken {
  readonly owner: string
  /** The name of a provider. */
  readonly provider: string
  /** In the provider's form. */
  readonly token: unknown
  /** The client's half of the secret that encrypts pushes. */
  readonly dhKey: PublicKey<'x25519'>
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
  async add({ owner, provider, token, dhKey }: NewToken): Promise<AddedToken> {
    const { outbox, clock, limits } = this.#options
    const deviceToken = this.#readToken(provider, token)
    const device = deviceKey(provider, deviceToken)
    const selection = { tokens: { device: [device] }, countsOf: owner }
    const { row, created } = await outbox.commit(selection, ({ tokens, counts }) => {
      const now = clock.now()
      const known = tokens.find((one) => one.owner === owner)
      if (known && !constantTimeEqual(known.clientKey, dhKey.toRaw())) {
        throw new NotificationServerError(
          'CONFLICT',
          'dhKey',
          'expected the key of the earlier registration, got another',
        )
      }
      if (!known && counts.tokens >= limits.tokens) {
        throw new NotificationServerError('LIMIT', 'tokens', `expected at most ${limits.tokens} tokens of an owner`)
      }
      const row = known
        ? used(revived(known, now, limits), now, limits)
        : newToken({ owner, provider, deviceToken, dhKey }, now, limits)
      return this.#withVerification(row, now, { row, created: !known })
    })
    return { id: row.id, dhKey: PrivateKey.fromRaw('x25519', row.serverKey).publicKey, status: row.status, created }
  }

  /**
   * Activates a token with the code that was pushed to the device; may be repeated. Other owners' registrations of the device are
   * deleted with their subscriptions. After ten wrong codes a new one is pushed.
   * @throws NotificationServerError NOT_FOUND, FORBIDDEN
   */
  async verify({ owner, id, code }: Owned & { readonly code: Uint8Array }): Promise<void> {
    const { store, clock, limits } = this.#options
    const { provider, deviceToken } = await this.#find({ owner, id })
    const device = deviceKey(provider, deviceToken)
    const { tokens: registrations } = await store.read({ tokens: { device: [device] } })
    const token = registrations.filter((row) => row.owner !== owner).map((row) => row.id)
    const { subscriptions: lost } = await store.read({ subscriptions: { token } })
    const outboxIds = { id: owedLater.map((kind) => outboxId(id, kind)) }
    const selection = { tokens: { id: [id], device: [device] }, outbox: outboxIds }
    const { result } = await this.#options.outbox.commit(selection, ({ tokens, outbox }) => {
      const now = clock.now()
      const row = ownRow(tokens, { owner, id })
      const judged = judgeCode(row, code, now, limits)
      if (judged.result === 'new code') return this.#withVerification(judged.row, now, judged)
      if (judged.result !== 'active') return { changes: { tokens: [judged.row] }, result: judged }
      const others = tokens.filter((one) => one.owner !== owner && isSameDevice(one, row))
      const remove = { tokens: others.map((one) => one.id), outbox: [outboxId(id, 'verification')] }
      // What came before the token was active goes now; how long that is ago, and failures of the token before, do not count.
      const waiting = row.status === 'active' ? [] : outbox.map((one) => freshRow(one, now))
      return { changes: { tokens: [judged.row], outbox: waiting, remove }, result: judged }
    })
    if (result === 'active') return this.#options.servers.unsubscribe(lost)
    if (result === 'status') throw new NotificationServerError('FORBIDDEN', 'status', 'expected a registered token')
    throw new NotificationServerError('FORBIDDEN', 'code', 'expected the code that was pushed, got another')
  }

  /**
   * The device has a new push token: it is to be verified again, all else stays.
   * @throws NotificationServerError NOT_FOUND, BAD_REQUEST, CONFLICT `exists`
   */
  async replace({ owner, id, provider, token }: Owned & Pick<NewToken, 'provider' | 'token'>): Promise<void> {
    const { clock, limits } = this.#options
    const deviceToken = this.#readToken(provider, token)
    const device = deviceKey(provider, deviceToken)
    const outboxIds = { id: owedLater.map((kind) => outboxId(id, kind)) }
    await this.#options.outbox.commit(
      { tokens: { id: [id], device: [device] }, outbox: outboxIds },
      ({ tokens, outbox }) => {
        const now = clock.now()
        const before = ownRow(tokens, { owner, id })
        const isOther = (one: TokenRow) =>
          deviceKey(one.provider, one.deviceToken) === device && one.owner === owner && one.id !== id
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
        return this.#withVerification(
          row,
          now,
          undefined,
          outbox.map((one) => ({ ...one, provider })),
        )
      },
    )
  }

  /** Sets periodic check-messages pushes; 0 turns them off. @throws NotificationServerError NOT_FOUND, BAD_REQUEST `minutes` */
  async setPeriod({ owner, id, minutes }: Owned & { readonly minutes: number }): Promise<void> {
    if (!Number.isSafeInteger(minutes) || (minutes !== 0 && minutes < leastPeriod) || minutes > 65535) {
      throw new NotificationServerError('BAD_REQUEST', 'minutes', `expected 0, or ${leastPeriod} to 65535 minutes`)
    }
    const { store, clock, limits } = this.#options
    await store.atomic({ tokens: { id: [id] } }, ({ tokens }) => {
      const row = used(ownRow(tokens, { owner, id }), clock.now(), limits)
      const periodicAt = minutes > 0 && row.status === 'active' ? clock.now() + minutes * 60_000 : null
      return { changes: { tokens: [{ ...row, periodMinutes: minutes, periodicAt }] }, result: undefined }
    })
  }

  /** @throws NotificationServerError NOT_FOUND */
  async get(owned: Owned): Promise<TokenState> {
    const row = await this.#find(owned)
    await this.touch(owned.owner, [owned.id])
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

  /** Deletes a token with its subscriptions and what is owed to it. @throws NotificationServerError NOT_FOUND */
  async remove(owned: Owned): Promise<void> {
    await this.#find(owned)
    await this.forget([owned.id])
  }

  /** Deletes tokens of any owners, of these those that are so. */
  async forget(token: readonly string[], where: (row: TokenRow) => boolean = () => true): Promise<void> {
    const { store, servers } = this.#options
    const { subscriptions } = await store.read({ subscriptions: { token } })
    const removed = await store.atomic({ tokens: { id: token } }, ({ tokens }) => {
      const ids = tokens.filter(where).map(({ id }) => id)
      return { changes: { remove: { tokens: ids } }, result: new Set(ids) }
    })
    servers.unsubscribe(subscriptions.filter((row) => removed.has(row.token)))
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

  async #find({ owner, id }: Owned): Promise<TokenRow> {
    const { tokens } = await this.#options.store.read({ tokens: { id: [id] } })
    return ownRow(tokens, { owner, id })
  }

  #withVerification<T>(row: TokenRow, now: number, result: T, others: readonly OutboxRow[] = []): Decision<T> {
    const owed = freshRow({ token: row.id, kind: 'verification', provider: row.provider }, now)
    return { changes: { tokens: [row], outbox: [owed, ...others] }, result }
  }
}
