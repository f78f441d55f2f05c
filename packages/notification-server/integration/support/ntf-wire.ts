// Spec 20 §4: one connection to a server of the NTF protocol. Its answers are told apart by their correlation ids alone.
import { type PrivateAuthKey, type PrivateKey, randomBytes, type SigningAlgorithm, sign } from '@smpkit/crypto'
import { equalBytes, toHex, Writer } from '@smpkit/encoding'
import {
  authorizeNtf,
  type NtfClientEnd,
  type NtfCommand,
  type NtfResponse,
  packCommands,
  type ReceivedResponse,
  receiveResponses,
} from '@smpkit/ntf-protocol'
import { connectNtf } from '@smpkit/ntf-protocol/transport'
import { type BlockConnection, errorTypeToText, packBlock } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'

export interface Asked {
  readonly command: NtfCommand
  /** Default: none. */
  readonly entityId?: Uint8Array
  readonly key: PrivateAuthKey | null
  /** Default: 24 random bytes. */
  readonly corrId?: Uint8Array
}

/** A command as bytes: also such as no codec writes. */
export interface RawAsked {
  readonly command: string | Uint8Array
  readonly entityId?: Uint8Array
  /** Of a signature. */
  readonly key?: PrivateAuthKey
  /** In place of a signature. */
  readonly authorization?: Uint8Array
  readonly corrId?: Uint8Array
}

export interface WireOptions {
  readonly version?: number
  /** `false`: as old clients, which have version 1. */
  readonly alpn?: boolean
}

export type Answer = ReceivedResponse & { readonly block: number }

const none = new Uint8Array(0)
const newCorrId = () => randomBytes(24)

/** A response in a few words: `TKN INVALID,BAD`, `ERR CMD SYNTAX`, `IDTKN`. */
export function wordsOf(response: NtfResponse): string {
  switch (response.tag) {
    case 'TKN':
      return `TKN ${response.status}${response.reason ? `,${response.reason}` : ''}`
    case 'SUB':
      return `SUB ${response.status}${response.errorText ? ` ${new TextDecoder().decode(response.errorText)}` : ''}`
    case 'ERR':
      return `ERR ${errorTypeToText(response.error)}`
    default:
      return response.tag
  }
}

/** The same of an answer, whatever it holds. */
export const wordsOfAnswer = (answer: Answer): string =>
  'response' in answer ? wordsOf(answer.response) : `unreadable: ${errorTypeToText(answer.error)}`

function signature(key: PrivateAuthKey, signed: Uint8Array): Uint8Array {
  if (isSigning(key)) return sign(key, signed)
  throw new Error('expected a key that signs')
}

const isSigning = (key: PrivateAuthKey): key is PrivateKey<SigningAlgorithm> & PrivateAuthKey =>
  key.algorithm !== 'x25519'

export class NtfWire {
  readonly #connection: BlockConnection<NtfClientEnd>
  readonly #waiting = new Map<string, (answer: Answer | undefined) => void>()
  /** All that came, in its order. */
  readonly answers: Answer[] = []
  /** The contents of blocks as they came. */
  readonly blocks: Uint8Array[] = []
  readonly #reading: Promise<void>
  isOpen = true

  private constructor(connection: BlockConnection<NtfClientEnd>) {
    this.#connection = connection
    this.#reading = this.#read()
  }

  static async open(address: ServerAddress, { version, alpn }: WireOptions = {}): Promise<NtfWire> {
    const versionRange = version === undefined ? undefined : { min: version, max: version }
    return new NtfWire(
      await connectNtf(address, { ...(versionRange && { versionRange }), ...(alpn !== undefined && { alpn }) }),
    )
  }

  get end(): NtfClientEnd {
    return this.#connection.session
  }

  async #read(): Promise<void> {
    for await (const content of this.#connection) {
      const block = this.blocks.push(content) - 1
      for (const received of receiveResponses(this.end, content)) {
        const answer = { ...received, block }
        this.answers.push(answer)
        const key = toHex(answer.corrId)
        this.#waiting.get(key)?.(answer)
        this.#waiting.delete(key)
      }
    }
    this.isOpen = false
    for (const settle of this.#waiting.values()) settle(undefined)
  }

  /** As bytes: the transmission of a command. */
  transmission({ command, entityId = none, key, corrId = newCorrId() }: Asked): Uint8Array {
    return authorizeNtf(this.end, { command, entityId, key, corrId }).transmission
  }

  /** The same of a command that is bytes already, by 20 §4 and §5 alone. */
  rawTransmission({ command, entityId = none, key, authorization, corrId = newCorrId() }: RawAsked): Uint8Array {
    const body = new Writer(1024)
    body.shortBytes(corrId)
    body.shortBytes(entityId)
    const bytes = new Uint8Array([...body.bytes(), ...(typeof command === 'string' ? Buffer.from(command) : command)])
    const session = new Uint8Array([this.end.sessionId.length, ...this.end.sessionId])
    const signed = new Uint8Array([...session, ...bytes])
    const auth = authorization ?? (key ? signature(key, signed) : none)
    return new Uint8Array([auth.length, ...auth, ...(this.end.version === 1 ? session : []), ...bytes])
  }

  /** One command: its answer. Clients take one of another entity for no answer (20 §4). @throws Error where the connection ends */
  async ask(asked: Asked): Promise<NtfResponse> {
    const [response] = await this.askAll([asked])
    return response as NtfResponse
  }

  async words(asked: Asked): Promise<string> {
    return wordsOf(await this.ask(asked))
  }

  /** In as few blocks as hold them, sent at once. */
  async askAll(all: readonly Asked[]): Promise<NtfResponse[]> {
    const withIds = all.map((asked) => ({ ...asked, corrId: asked.corrId ?? newCorrId() }))
    const blocks = packCommands(
      this.end.version,
      withIds.map((asked) => this.transmission(asked)),
    ).map((block) => {
      if ('content' in block) return block.content
      throw new Error('expected a command that fits a block')
    })
    const answers = withIds.map(({ corrId }) => this.answerTo(corrId))
    for (const block of blocks) await this.send(block)
    return Promise.all(
      withIds.map(async ({ entityId = none }, i) => {
        const answer = await (answers[i] as Promise<Answer>)
        if (!('response' in answer)) throw new Error(`expected an answer, got ${wordsOfAnswer(answer)}`)
        if (!equalBytes(answer.entityId, entityId)) throw new Error('expected an answer of the same entity')
        return answer.response
      }),
    )
  }

  /** Bytes of one transmission, in a block of their own. */
  async askRaw(asked: RawAsked): Promise<Answer> {
    const corrId = asked.corrId ?? newCorrId()
    const answer = this.answerTo(corrId)
    await this.sendTransmissions([this.rawTransmission({ ...asked, corrId })])
    return answer
  }

  /** The next answer with that correlation id, which may have come already. */
  answerTo(corrId: Uint8Array): Promise<Answer> {
    const key = toHex(corrId)
    return new Promise((resolve, reject) => {
      if (!this.isOpen) reject(new Error('expected an answer, the connection has ended'))
      this.#waiting.set(key, (answer) => {
        if (answer) resolve(answer)
        else reject(new Error('expected an answer, the connection has ended'))
      })
    })
  }

  /** So many answers since the connection began. */
  async count(answers: number): Promise<readonly Answer[]> {
    while (this.answers.length < answers) {
      if (!this.isOpen)
        throw new Error(`expected ${answers} answers, the connection ended after ${this.answers.length}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return this.answers
  }

  /** In one block, whatever they are; in version 1 each in its own. */
  async sendTransmissions(transmissions: readonly Uint8Array[]): Promise<void> {
    if (this.end.version > 1) return this.send(packBlock(transmissions))
    for (const one of transmissions) await this.send(one)
  }

  /** The content of a block. */
  send(content: Uint8Array): Promise<void> {
    return this.#connection.send(content)
  }

  async close(): Promise<void> {
    await this.#connection.close()
    await this.#reading
  }

  /** Settles when the server has ended it. */
  async ended(): Promise<void> {
    await this.#reading
  }
}
