// Two sides that write to each other over a network that loses, repeats and reorders.
import { equalBytes } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Party, parties } from './testing/party.js'

const bodyOf = (number: number) => new TextEncoder().encode(`message ${number}`)

interface Letter {
  readonly body: Uint8Array
  readonly message: Uint8Array
}

type Action = { act: 'send' | 'deliver' | 'drop' | 'repeat'; from: 0 | 1; at: number; pq: boolean | null }

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.record(
    {
      act: fc.constantFrom('send', 'send', 'send', 'deliver', 'deliver', 'deliver', 'drop', 'repeat'),
      from: fc.constantFrom(0, 1),
      at: fc.nat(20),
      pq: fc.constantFrom(null, null, null, true, false),
    },
    { noNullPrototype: true },
  ),
  { minLength: 40, maxLength: 80 },
)

/** Of messages that were read before; the last one is for a chain that is over. */
const repeated = ['A_DUPLICATE', 'RATCHET_EARLIER', 'RATCHET_HEADER']

class Conversation {
  readonly #sides: readonly [Party, Party]
  readonly #onTheWay: readonly [Letter[], Letter[]] = [[], []]
  readonly #read: readonly [Letter[], Letter[]] = [[], []]
  #count = 0

  constructor({ joiner, initiator }: ReturnType<typeof parties>) {
    this.#sides = [joiner, initiator]
    // The initiator cannot write before it has read this.
    this.send(0, null)
    this.deliver(0, 0)
  }

  send(from: 0 | 1, choice: boolean | null): void {
    this.#write(from, choice === false && !this.#mayTurnOff(from) ? null : choice)
  }

  #write(from: 0 | 1, pq: boolean | null): void {
    const body = bodyOf(this.#count++)
    this.#onTheWay[from].push({ body, message: this.#sides[from].send(body, { pq }) })
  }

  /**
   * The next headers of the chain are without the ciphertext (10.6.4), which whatever message of it comes first must have: not
   * on a network that reorders before the other side has one.
   */
  #mayTurnOff(from: 0 | 1): boolean {
    const [own, peer] = [this.#sides[from].state, this.#sides[1 - from]?.state]
    const [sent, received] = [own.send?.headerKey, peer?.receive?.headerKey]
    return !own.kem?.ciphertext || (sent !== undefined && received !== undefined && equalBytes(sent, received))
  }

  deliver(from: 0 | 1, at: number): void {
    const [letter] = this.#onTheWay[from].splice(at % (this.#onTheWay[from].length || 1), 1)
    if (!letter) return
    const result = this.#sides[1 - from]?.receive(letter.message)
    expect(result).not.toHaveProperty('error')
    expect(result).toHaveProperty('plaintext', letter.body)
    this.#read[from].push(letter)
  }

  drop(from: 0 | 1, at: number): void {
    this.#onTheWay[from].splice(at % (this.#onTheWay[from].length || 1), 1)
  }

  repeat(from: 0 | 1, at: number): void {
    const letter = this.#read[from][at % this.#read[from].length]
    if (!letter) return
    const result = this.#sides[1 - from]?.receive(letter.message)
    expect(result).not.toHaveProperty('plaintext')
    expect(repeated).toContain(result && 'error' in result ? result.error.code : undefined)
  }

  /** Both sides read all that is on the way, and write in turn. */
  turns(count: number, pq: boolean): void {
    for (const from of [0, 1] as const) while (this.#onTheWay[from].length > 0) this.deliver(from, 0)
    for (let i = 0; i < count; i++) {
      this.#write((i % 2) as 0 | 1, pq)
      this.deliver((i % 2) as 0 | 1, 0)
    }
  }

  get kem() {
    return this.#sides.map(({ state: { sendKem, receiveKem } }) => ({ sendKem, receiveKem }))
  }
}

describe.each([
  { version: 2, kem: false },
  { version: 3, kem: false },
  { version: 3, kem: true },
])('from version $version, KEM in the invitation: $kem', (start) => {
  it('what arrives first is read, what comes again is refused, and the KEM follows the choices', () => {
    fc.assert(
      fc.property(actions, (list) => {
        const conversation = new Conversation(parties(start))
        for (const { act, from, at, pq } of list) {
          if (act === 'send') conversation.send(from, pq)
          else conversation[act](from, at)
        }
        // Whatever was chosen before.
        conversation.turns(8, true)
        expect(conversation.kem).toEqual([
          { sendKem: true, receiveKem: true },
          { sendKem: true, receiveKem: true },
        ])
        conversation.turns(6, false)
        expect(conversation.kem).toEqual([
          { sendKem: false, receiveKem: false },
          { sendKem: false, receiveKem: false },
        ])
      }),
      { numRuns: 12 },
    )
  })
})
