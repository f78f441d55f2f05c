// A notification server with the door of the NTF protocol that is killed, as its clients and devices see it: one address, which is away at times.
import { type ProviderTag, parseNtfAddress } from '@smpkit/ntf-protocol'
import { type ApnsFake, type ApnsLog, logOfFakes, startApnsFake } from '@smpkit/push-providers/testing'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { createServerIdentity, credentialsToPem } from '@smpkit/smp-transport'
import { NtfWire } from './ntf-wire.js'
import { type FaultyRows, ServerProcess } from './server-process.js'
import type { StorageOf } from './storages.mjs'

const limits = {
  retryFirst: 20,
  retryLongest: 100,
  checkSpread: 0,
  checkInterval: 0,
  verifications: 10_000,
  registrations: 10_000,
}

export class KilledNtf implements AsyncDisposable {
  readonly #identity = credentialsToPem(createServerIdentity())
  readonly #storage: StorageOf
  readonly fake: ApnsFake
  readonly pushes: ApnsLog
  readonly provider: ProviderTag = 'AT'
  #process: ServerProcess | undefined
  #wire: Promise<NtfWire> | undefined
  address: ServerAddress = { hosts: [], port: '0', keyHash: new Uint8Array(0) }

  private constructor(storage: StorageOf, fake: ApnsFake) {
    this.#storage = storage
    this.fake = fake
    this.pushes = logOfFakes([fake])
  }

  static async start(storage: StorageOf): Promise<KilledNtf> {
    const ntf = new KilledNtf(storage, await startApnsFake())
    await ntf.start()
    return ntf
  }

  get process(): ServerProcess {
    if (!this.#process) throw new Error('expected a server that was started')
    return this.#process
  }

  /** At the same address as before. */
  async start(): Promise<void> {
    const port = Number(this.address.port)
    const job = { storage: this.#storage, identity: this.#identity, port, apns: this.fake.options, limits }
    this.#process = new ServerProcess(job)
    this.address = parseNtfAddress(await this.#process.ready)
  }

  /** A connection to the process that runs now. */
  async wire(): Promise<NtfWire> {
    this.#wire ??= NtfWire.open(this.address)
    return this.#wire
  }

  async kill(): Promise<void> {
    await this.process.kill()
    const wire = await this.#wire?.catch(() => undefined)
    this.#wire = undefined
    await wire?.ended()
  }

  async killAndStart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** It dies before or after it has stored the rows that the work leads to, and starts again. Whether the work was answered before. */
  async killWhile(when: 'before' | 'after', rows: FaultyRows, work: () => Promise<unknown>): Promise<boolean> {
    await this.process.killAt(when, rows)
    const isAnswered = await work().then(
      () => true,
      () => false,
    )
    await this.process.ended()
    await this.killAndStart()
    return isAnswered
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await this.fake.close()
  }
}
