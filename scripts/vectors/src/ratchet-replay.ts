// test-vectors/agent/README.md, ratchet.decrypt: whole lives of one side of a ratchet, spec 10.6.
import { decode, encode } from '@smpkit/encoding'
import {
  decrypt,
  type E2eVersion,
  encrypt,
  RatchetError,
  type RatchetState,
  ratchetState,
  type SkippedKey,
  skippedKey,
  startReceiving,
} from '@smpkit/ratchet'
import { Fields, isObject, type Json, type Suite } from './case.js'
import { privateKeyIn } from './keys.js'
import { joinerOf, proposedIn, ratchetKeysIn, ratchetParamsIn, recordedRandom } from './ratchet.js'

/** Also through the storage formats, after every step. */
class Replay {
  #state: RatchetState
  #skipped: SkippedKey[] = []
  readonly #maxVersion: E2eVersion

  constructor(start: Fields) {
    this.#maxVersion = start.number('maxVersion') as E2eVersion
    this.#state = startOf(start, this.#maxVersion)
  }

  step(step: Fields) {
    const outcome = step.text('step') === 'send' ? this.#send(step) : this.#receive(step)
    this.#state = decode(ratchetState, encode(ratchetState, this.#state))
    this.#skipped = this.#skipped.map((key) => decode(skippedKey, encode(skippedKey, key)))
    return step.has('state') ? { ...outcome, state: this.#summary() } : outcome
  }

  #send(step: Fields) {
    const options = { pq: step.has('pq') ? step.boolean('pq') : null, maxVersion: this.#maxVersion }
    try {
      const { state, message } = encrypt(this.#state, step.bytes('body'), step.number('paddedLength'), options)
      this.#state = state
      return { message }
    } catch (error) {
      if (error instanceof RatchetError) return { error: textOf(error) }
      throw error
    }
  }

  #receive(step: Fields) {
    const generated = step.has('generated') ? step.fields('generated') : undefined
    const random = recordedRandom(
      generated ? [privateKeyIn(generated, 'dhKey', 'x448')] : [],
      generated?.has('kem') ? generated.fields('kem') : undefined,
    )
    const before = this.#state
    const result = decrypt(before, this.#skipped, step.bytes('message'), random)
    this.#state = result.state
    const { added, removed } = result.skipped
    this.#skipped = [...this.#skipped.filter(({ order }) => !removed.includes(order)), ...added]
    if (!('error' in result)) return { plaintext: result.plaintext }
    if (!result.committed && (result.state !== before || added.length + removed.length > 0)) {
      throw new Error('expected nothing to change')
    }
    return { error: textOf(result.error), committed: result.committed }
  }

  #summary() {
    const { version, maxVersion, sendNumber, receiveNumber, previousCount, kem, ...flags } = this.#state
    const { supportKem, enableKem, sendKem, receiveKem } = flags
    return {
      version,
      maxVersion,
      ns: sendNumber,
      nr: receiveNumber,
      pn: previousCount,
      skipped: this.#skipped.length,
      supportKem,
      enableKem,
      sendKem,
      receiveKem,
      kemState: kem ? (kem.ciphertext ? 'accepted' : 'proposed') : 'none',
    }
  }

  get final() {
    const { rootKey, dhKey, send, receive, nextSendHeaderKey, nextReceiveHeaderKey } = this.#state
    return { rootKey, dhKey, send, receive, nextSendHeaderKey, nextReceiveHeaderKey }
  }
}

function startOf(start: Fields, maxVersion: E2eVersion): RatchetState {
  const peer = start.fields('peerParams')
  if (start.text('role') === 'initiator') {
    const options = { pqSupport: start.boolean('pqSupport'), maxVersion }
    return startReceiving(ratchetKeysIn(start), ratchetParamsIn(peer), options)
  }
  return joinerOf(start, { ...ratchetParamsIn(peer), kem: proposedIn(peer) }, maxVersion).state
}

const textOf = ({ code, count }: RatchetError) => (count === undefined ? code : `${code} ${count}`)

const outcomes = ['message', 'plaintext', 'error', 'committed', 'state']

/** What a step must come to; the message of a receiving step is its input. */
function expectedOf(step: Json): Json {
  if (!isObject(step)) return step
  const names = outcomes.filter((name) => name in step && !(name === 'message' && step.step === 'receive'))
  return Object.fromEntries(names.map((name) => [name, step[name] ?? null]))
}

export const ratchetDecryptSuite: Suite = {
  ops: {
    replay: {
      actual(vector) {
        const input = new Fields(vector.in ?? null)
        const replay = new Replay(input.fields('start'))
        const steps = input.list('steps').map((step) => replay.step(new Fields(step)))
        return { steps, final: replay.final }
      },
      expected: (vector) => ({
        steps: new Fields(vector.in ?? null).list('steps').map(expectedOf),
        final: new Fields(vector.out ?? null).get('final'),
      }),
    },
  },
}
