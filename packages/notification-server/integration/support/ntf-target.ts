// The notification server that the suites of the NTF protocol run against: NTF_SERVER, or embedded ones over each database; and the SMP
// server of their queues: SMP_SERVER, or an embedded one.
import { type ProviderTag, parseNtfAddress } from '@smpkit/ntf-protocol'
import { type ApnsLog, logOfFile } from '@smpkit/push-providers/testing'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { afterAll, beforeAll, describe, onTestFinished, type TestContext } from 'vitest'
import { postgresTitle, type StorageMaker, usePostgres, useSqlite, withoutPostgres } from './databases.js'
import { EmbeddedNtf, type EmbeddedNtfOptions } from './embedded-ntf.js'
import { EmbeddedSmp } from './embedded-smp.js'
import { pause } from './in-process.js'
import { NtfDevice } from './ntf-device.js'
import { NtfWire, type WireOptions } from './ntf-wire.js'
import { openRecipient, type Queue, type NewQueueOptions as QueueOptions, type Recipient } from './queues.js'

/** How long nobody pushes before nothing is expected any more where only pushes are seen (24 §2: half a second), in milliseconds. */
const quietTime = 1000

export interface NtfTarget {
  readonly address: ServerAddress
  /** The tag under which devices register. */
  readonly provider: ProviderTag
  readonly pushes: ApnsLog
  /** The connection that all tests share. */
  wire(): Promise<NtfWire>
  /** One for this test. */
  connect(options?: WireOptions): Promise<NtfWire>
  /** On the SMP server. */
  newQueue(options?: QueueOptions): Promise<Queue>
  newQueues(count: number): Promise<Queue[]>
  newPair(): Promise<[Queue, Queue]>
  /** Settles when nothing that was sent before is going to be pushed any more. */
  quiet(): Promise<void>
  /** Skips the test where the server is another one. `why`: what the reference does by its description. */
  onlyOurs(context: TestContext, why: string): void
  /** Skips the test where the server is another one: only ours can be told what to do. */
  embedded(context: TestContext): EmbeddedNtf
  embeddedSmp(context: TestContext): EmbeddedSmp
  /** An embedded server for this test alone, which starts with nothing. */
  own(context: TestContext, options?: Partial<EmbeddedNtfOptions>): Promise<OwnTarget>
}

/** The embedded server of one test, seen as the target of the others. */
export type OwnTarget = NtfTarget & { readonly ntf: EmbeddedNtf }

class Target implements NtfTarget {
  readonly #ntf: () => EmbeddedNtf | undefined
  readonly #newStorage: StorageMaker | undefined
  readonly smp: SharedSmp
  readonly #file: ApnsLog | undefined
  #wire: Promise<NtfWire> | undefined
  #marker: Promise<{ readonly device: NtfDevice; readonly queue: Queue }> | undefined
  #marks = 0

  constructor(smp: SharedSmp, ntf: () => EmbeddedNtf | undefined, newStorage?: StorageMaker) {
    this.smp = smp
    this.#ntf = ntf
    this.#newStorage = newStorage
    if (newStorage) return
    const { APNS_LOG } = process.env
    if (!APNS_LOG) throw new Error('NTF_SERVER needs APNS_LOG=FILE, where its pushes are seen')
    this.#file = logOfFile(APNS_LOG)
  }

  get address(): ServerAddress {
    return this.#ntf()?.address ?? parseNtfAddress(process.env.NTF_SERVER ?? '')
  }

  get provider(): ProviderTag {
    return this.#file ? ((process.env.NTF_PROVIDER as ProviderTag | undefined) ?? 'AT') : 'AT'
  }

  get pushes(): ApnsLog {
    return this.#file ?? (this.#ntf() as EmbeddedNtf).pushes
  }

  async wire(): Promise<NtfWire> {
    if (!(await this.#wire)?.isOpen) this.#wire = NtfWire.open(this.address)
    return this.#wire as Promise<NtfWire>
  }

  async connect(options?: WireOptions): Promise<NtfWire> {
    const wire = await NtfWire.open(this.address, options)
    onTestFinished(() => wire.close())
    return wire
  }

  async newQueue(options?: QueueOptions): Promise<Queue> {
    return (await this.smp.recipient()).newQueue(options)
  }

  newQueues(count: number): Promise<Queue[]> {
    return Promise.all(Array.from({ length: count }, () => this.newQueue()))
  }

  newPair(): Promise<[Queue, Queue]> {
    return Promise.all([this.newQueue(), this.newQueue()])
  }

  async quiet(): Promise<void> {
    this.#marker ??= this.#newMarker()
    const { device, queue } = await this.#marker
    // What the SMP server was given before is told of before.
    await queue.send()
    await device.untilTold(queue, ++this.#marks)
    const ntf = this.#ntf()
    if (ntf) await ntf.quiet()
    else await pause(quietTime)
  }

  async #newMarker() {
    const device = await new NtfDevice(this).activate()
    const queue = await this.newQueue()
    await device.subscribed(queue)
    return { device, queue }
  }

  onlyOurs(context: TestContext, why: string): void {
    if (!this.#newStorage) context.skip(`of ours alone: ${why}`)
  }

  embedded(context: TestContext): EmbeddedNtf {
    return this.#ntf() ?? context.skip('needs the embedded server, whose far ends do as they are told')
  }

  embeddedSmp(context: TestContext): EmbeddedSmp {
    return this.smp.embedded ?? context.skip('needs the embedded SMP server')
  }

  async own(context: TestContext, options: Partial<EmbeddedNtfOptions> = {}): Promise<OwnTarget> {
    const storage = await (this.#newStorage ?? context.skip('needs an embedded server of its own'))()
    const ntf = await EmbeddedNtf.start({ storage, ...options })
    onTestFinished(() => ntf.close())
    const own = Object.assign(new Target(this.smp, () => ntf, this.#newStorage), { ntf })
    onTestFinished(() => own.close())
    return own
  }

  async close(): Promise<void> {
    await (await this.#wire?.catch(() => undefined))?.close()
  }
}

/** One SMP server for all that is tested in a file. */
class SharedSmp {
  embedded: EmbeddedSmp | undefined
  #recipient: Promise<Recipient> | undefined

  async start(): Promise<void> {
    if (!process.env.SMP_SERVER) this.embedded = await EmbeddedSmp.start()
  }

  recipient(): Promise<Recipient> {
    const address = this.embedded?.server.address ?? parseServerAddress(process.env.SMP_SERVER ?? '', 'smp')
    this.#recipient ??= openRecipient(address)
    return this.#recipient
  }

  async stop(): Promise<void> {
    await (await this.#recipient?.catch(() => undefined))?.[Symbol.asyncDispose]()
    await this.embedded?.close()
  }
}

function useTarget(newStorage?: StorageMaker): NtfTarget {
  const smp = new SharedSmp()
  let ntf: EmbeddedNtf | undefined
  const target = new Target(smp, () => ntf, newStorage)
  beforeAll(async () => {
    await smp.start()
    if (newStorage) ntf = await EmbeddedNtf.start({ storage: await newStorage() })
  })
  afterAll(async () => {
    await target.close()
    await ntf?.close()
    await smp.stop()
  })
  return target
}

/** The tests of `body` against NTF_SERVER, or an embedded server over each database. */
export function overNtfServers(body: (target: NtfTarget) => void): void {
  if (process.env.NTF_SERVER) {
    describe('at NTF_SERVER', () => body(useTarget()))
    return
  }
  describe('over SQLite', () => body(useTarget(useSqlite())))
  describe.skipIf(withoutPostgres)(postgresTitle, () => body(useTarget(usePostgres())))
}

/** The same where the database makes no difference: over SQLite alone. */
export function atNtfServer(body: (target: NtfTarget) => void): void {
  if (process.env.NTF_SERVER) describe('at NTF_SERVER', () => body(useTarget()))
  else describe('over SQLite', () => body(useTarget(useSqlite())))
}
