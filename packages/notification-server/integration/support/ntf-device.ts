// Spec 20 §7, 21 A9: a client of the NTF protocol with one token, and the device that gets its pushes.
import { type AuthKey, type PrivateAuthKey, PrivateKey, randomBytes, type SigningAlgorithm } from '@smpkit/crypto'
import { toBase64url, toHex } from '@smpkit/encoding'
import type { NtfCommand, NtfResponse, ProviderTag } from '@smpkit/ntf-protocol'
import { type OpenedPush, openPush, type PushItem, tokenSecret } from '@smpkit/push-providers/payload'
import type { SeenPush } from '@smpkit/push-providers/testing'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { until } from './in-process.js'
import type { NtfTarget } from './ntf-target.js'
import { type NtfWire, wordsOf } from './ntf-wire.js'
import type { Queue } from './queues.js'

export const newToken = (): string => toHex(randomBytes(32))

/** What a device needs of its server. */
export type ServedBy = Pick<NtfTarget, 'provider' | 'pushes' | 'wire'>

export interface NtfDeviceOptions {
  /** Default: a new one. */
  readonly token?: string
  /** Default: that of the target. */
  readonly provider?: ProviderTag
  /** Of the key that authorizes. Default Ed25519. */
  readonly algorithm?: SigningAlgorithm | 'x25519'
  /** Whose key it has, too: a second token of a client. */
  readonly client?: NtfDevice
  /** Default: the target's own, which all devices share. */
  readonly wire?: NtfWire
}

type Named = Pick<Queue, 'address' | 'notifierId' | 'notifierKey'>

export class NtfDevice {
  readonly authKey: PrivateAuthKey
  readonly dhKey = PrivateKey.generate('x25519')
  readonly provider: ProviderTag
  readonly #target: ServedBy
  readonly #opened = new Map<SeenPush, OpenedPush>()
  #wire: NtfWire | undefined
  token: string
  tokenId: Uint8Array = new Uint8Array(0)
  secret: Uint8Array = new Uint8Array(0)

  constructor(target: ServedBy, options: NtfDeviceOptions = {}) {
    const { token = newToken(), provider = target.provider, algorithm = 'ed25519', client, wire } = options
    this.#target = target
    this.#wire = wire
    this.token = token
    this.provider = provider
    this.authKey = client?.authKey ?? (PrivateKey.generate(algorithm) as PrivateAuthKey)
  }

  async wire(): Promise<NtfWire> {
    return this.#wire ?? this.#target.wire()
  }

  /** From now on commands go over this connection. */
  use(wire: NtfWire | undefined): this {
    this.#wire = wire
    return this
  }

  async ask(command: NtfCommand, entityId: Uint8Array = this.tokenId, key = this.authKey): Promise<NtfResponse> {
    const wire = await this.wire()
    return wire.ask({ command, entityId, key })
  }

  async words(command: NtfCommand, entityId?: Uint8Array, key?: PrivateAuthKey): Promise<string> {
    return wordsOf(await this.ask(command, entityId, key))
  }

  get tnew() {
    const { provider, dhKey, authKey } = this
    const token = new TextEncoder().encode(this.token)
    return { tag: 'TNEW', provider, token, authKey: authKey.publicKey as AuthKey, dhKey: dhKey.publicKey } as const
  }

  snew({ address: server, notifierId, notifierKey }: Named, tokenId = this.tokenId) {
    return { tag: 'SNEW', tokenId, server, notifierId, notifierKey } as const
  }

  /** `TNEW` */
  async register(): Promise<this> {
    const answer = await this.ask(this.tnew, none)
    if (answer.tag !== 'IDTKN') throw new Error(`expected IDTKN, got ${wordsOf(answer)}`)
    this.tokenId = answer.tokenId.slice()
    this.secret = tokenSecret(this.dhKey, answer.dhKey)
    return this
  }

  /** `TRPL` */
  async replace(token: string): Promise<string> {
    const words = await this.words({ tag: 'TRPL', provider: this.provider, token: new TextEncoder().encode(token) })
    if (words === 'OK') this.token = token
    return words
  }

  /** The codes that were pushed to its present token, oldest first. */
  codes(): Uint8Array[] {
    return this.opened().flatMap((push) => (push.kind === 'verification' ? [push.code] : []))
  }

  /** Waits for that many codes; the newest. */
  async code(count = 1): Promise<Uint8Array> {
    await until(() => this.codes().length >= count)
    return this.codes().at(-1) as Uint8Array
  }

  /** `TVFY` with the newest code. */
  async verify(): Promise<string> {
    return this.words({ tag: 'TVFY', code: await this.code() })
  }

  async activate(): Promise<this> {
    await this.register()
    const answer = await this.verify()
    if (answer !== 'OK') throw new Error(`expected OK, got ${answer}`)
    return this
  }

  status(): Promise<string> {
    return this.words({ tag: 'TCHK' })
  }

  async untilStatus(words: string): Promise<void> {
    await until(async () => (await this.status()) === words)
  }

  /** `SNEW`: the subscription's id. */
  async subscribe(queue: Named): Promise<Uint8Array> {
    const answer = await this.ask(this.snew(queue), none)
    if (answer.tag !== 'IDSUB') throw new Error(`expected IDSUB, got ${wordsOf(answer)}`)
    return answer.subscriptionId.slice()
  }

  /** The same, and waits until the SMP server has it. */
  async subscribed(queue: Named): Promise<Uint8Array> {
    const id = await this.subscribe(queue)
    await this.untilSubscription(id, 'SUB ACTIVE')
    return id
  }

  subscription(id: Uint8Array): Promise<string> {
    return this.words({ tag: 'SCHK' }, id)
  }

  async untilSubscription(id: Uint8Array, words: string): Promise<void> {
    await until(async () => (await this.subscription(id)) === words)
  }

  /** What came to its present token, also what was refused. */
  pushes(): readonly SeenPush[] {
    return this.#target.pushes.of(this.token)
  }

  opened(pushes = this.pushes()): OpenedPush[] {
    return pushes.map((push) => {
      const opened = this.#opened.get(push) ?? openPush(this.secret, JSON.parse(push.body).notificationData)
      this.#opened.set(push, opened)
      return opened
    })
  }

  /** The lists of its message pushes. */
  lists(): (readonly PushItem[])[] {
    return this.opened().flatMap((push) => (push.kind === 'message' ? [push.items] : []))
  }

  get checks(): number {
    return this.opened().filter(({ kind }) => kind === 'check').length
  }

  /** The ids of a queue's messages that pushes told of. */
  told(queue: Queue): Set<string> {
    const own = this.lists()
      .flat()
      .filter(({ notifierId }) => toHex(notifierId) === queue.key)
    return new Set(own.map((item) => queue.messageId(item)))
  }

  /** Waits until so many messages of the queue were told of. */
  async untilTold(queue: Queue, count = 1): Promise<void> {
    await until(() => this.told(queue).size >= count)
  }
}

const none = new Uint8Array(0)

/** With other hosts: the same server to whoever knows servers by their key. */
export const withHosts = ({ keyHash, port }: ServerAddress, hosts: readonly string[]): ServerAddress =>
  parseServerAddress(`smp://${toBase64url(keyHash)}@${hosts.join(',')}:${port}`, 'smp')
