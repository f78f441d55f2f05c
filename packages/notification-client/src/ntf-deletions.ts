// Spec 23 §2, §7: tokens that a server of ntf:// is still to delete, whenever it can be reached.
import { type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { fromBase64url } from '@smpkit/encoding'
import { NtfClient, type NtfClientOptions, type NtfRequestOptions } from '@smpkit/ntf-protocol'
import type { Clock } from '@smpkit/service-protocol'
import { mayPass } from './errors.js'
import { backOff, pause } from './pause.js'
import type { DeletionRecord, Records } from './state.js'

export interface NtfDeletionsOptions {
  readonly records: Records
  readonly ntf: NtfClientOptions
  readonly clock: Clock
  readonly random: () => number
  readonly now: () => number
  readonly signal: AbortSignal
}

/** In milliseconds: the server has forgotten the token itself, or is gone. */
const givenUpAfter = 21 * 24 * 3_600_000
/** Of the one attempt of a client that is switched off, in milliseconds. */
const lastAttempt = 15_000

export const authKeyOf = (authKey: string): PrivateAuthKey =>
  PrivateKey.fromDer(fromBase64url(authKey)) as PrivateAuthKey

export class NtfDeletions {
  readonly #options: NtfDeletionsOptions
  #waking = new AbortController()

  constructor(options: NtfDeletionsOptions) {
    this.#options = options
    void this.#run()
  }

  /** Settles when it is stored. */
  async add(token: string, deletion: Omit<DeletionRecord, 'since'>): Promise<void> {
    const { records, now } = this.#options
    await records.deletions.put(token, { ...deletion, since: now() })
    this.#waking.abort()
  }

  /** One attempt for each. */
  async tryAll(signal: AbortSignal, timeout?: number): Promise<'done' | 'left'> {
    const deletions = [...(await this.#options.records.deletions.all())]
    const results = await Promise.all(deletions.map((one) => this.#tryOne(one, signal, timeout)))
    return results.includes('left') ? 'left' : 'done'
  }

  /** Whoever is switched off may never be opened again. */
  async tryLast(): Promise<void> {
    await this.tryAll(new AbortController().signal, lastAttempt).catch(() => {})
  }

  async #run(): Promise<void> {
    const { clock, random, signal } = this.#options
    for (let failures = 0; !signal.aborted; ) {
      this.#waking = new AbortController()
      // What the state throws may pass as well.
      const result = await this.tryAll(signal).catch(() => 'left' as const)
      failures = result === 'left' ? failures + 1 : 0
      const delay = result === 'left' ? backOff(failures - 1, random) : Number.POSITIVE_INFINITY
      await pause(clock, delay, signal, this.#waking.signal)
    }
  }

  async #tryOne(
    [token, deletion]: [string, DeletionRecord],
    signal: AbortSignal,
    timeout: number | undefined,
  ): Promise<'done' | 'left'> {
    const { records, now } = this.#options
    try {
      if (now() - deletion.since < givenUpAfter) await this.#delete(token, deletion, { signal, timeout })
    } catch (error) {
      // Any other answer will not become another one.
      if (signal.aborted || mayPass(error)) return 'left'
    }
    await records.deletions.remove(token)
    return 'done'
  }

  async #delete(token: string, { address, authKey }: DeletionRecord, options: NtfRequestOptions): Promise<void> {
    const request = { command: { tag: 'TDEL' }, entityId: fromBase64url(token), key: authKeyOf(authKey) } as const
    const client = new NtfClient(address, this.#options.ntf)
    try {
      await client.request(request, options)
    } finally {
      await client.close()
    }
  }
}
