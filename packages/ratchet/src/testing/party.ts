import { decode, encode } from '@smpkit/encoding'
import { type Decrypted, decrypt } from '../decrypt.js'
import { type EncryptOptions, encrypt } from '../encrypt.js'
import { createRatchetKeys, paramsOf } from '../keys.js'
import { startReceiving, startSending } from '../start.js'
import type { RatchetState, SkippedKey } from '../state.js'
import { ratchetState, skippedKey } from '../storage.js'
import { pooledRandom } from './kem-pool.js'

/** One side with its store: everything goes through the storage formats after each call. */
export class Party {
  skipped: readonly SkippedKey[] = []

  constructor(public state: RatchetState) {}

  send(body: Uint8Array, options: EncryptOptions & { paddedLength?: number } = {}): Uint8Array {
    const { state, message } = encrypt(this.state, body, options.paddedLength ?? 100, options)
    this.#store(state)
    return message
  }

  receive(message: Uint8Array): Decrypted {
    const result = decrypt(this.state, this.skipped, message, pooledRandom)
    const { added, removed } = result.skipped
    this.skipped = [...this.skipped.filter(({ order }) => !removed.includes(order)), ...added].map((key) =>
      decode(skippedKey, encode(skippedKey, key)),
    )
    this.#store(result.state)
    return result
  }

  #store(state: RatchetState): void {
    this.state = decode(ratchetState, encode(ratchetState, state))
  }
}

export interface PartiesOptions {
  version?: number
  /** Whether the invitation has a KEM key. */
  kem?: boolean
  pqSupport?: { joiner: boolean; initiator: boolean }
}

/** Both sides before the first message, which is the joiner's. */
export function parties({
  version = 3,
  kem = false,
  pqSupport = { joiner: kem, initiator: kem },
}: PartiesOptions = {}): { joiner: Party; initiator: Party } {
  const keys = createRatchetKeys({ kem }, pooledRandom)
  const joined = startSending(paramsOf(keys, version), { pqSupport: pqSupport.joiner }, pooledRandom)
  return {
    joiner: new Party(joined.state),
    initiator: new Party(startReceiving(keys, joined.params, { pqSupport: pqSupport.initiator })),
  }
}

/** Both sides after the joiner's first message and the answer. */
export function connectedParties(options?: PartiesOptions): { joiner: Party; initiator: Party } {
  const both = parties(options)
  const empty = new Uint8Array(0)
  for (const [from, to] of [
    [both.joiner, both.initiator],
    [both.initiator, both.joiner],
  ] as const) {
    const result = to.receive(from.send(empty))
    if ('error' in result) throw result.error
  }
  return both
}
