// A notification server in the test's own process, with the door of the NTF protocol and fakes of APNs as its far ends.
import { apnsProvider, nullProvider } from '@smpkit/push-providers/apns'
import {
  type ApnsAnswer,
  type ApnsFake,
  type ApnsLog,
  type ApnsPush,
  logOfFakes,
  startApnsFake,
} from '@smpkit/push-providers/testing'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { createServerIdentity, type ServerIdentity } from '@smpkit/smp-transport'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../src/clock.js'
import type { Limits } from '../../src/limits.js'
import { type NtfDoor, ntfDoor } from '../../src/ntf/door.js'
import type { PushReport } from '../../src/push-sender.js'
import { createNotificationServer, type NotificationServer, type NotificationServerOptions } from '../../src/server.js'
import { pause, quickSmp, until } from './in-process.js'
import { openNotificationStore } from './notification-stores.js'
import type { StorageOf } from './storages.mjs'

/** The providers of Apple's devices, each with a far end of its own. */
export const apnsNames = ['apns_prod', 'apns_dev', 'apns_test'] as const
export type ApnsName = (typeof apnsNames)[number]

export interface EmbeddedNtfOptions {
  readonly storage: StorageOf
  /** Connections to PostgreSQL. */
  readonly poolSize?: number
  readonly clock?: Clock
  readonly limits?: Partial<Limits>
  /** Default `true`: AT is let in. */
  readonly testProvider?: boolean
  /** Default: all. */
  readonly providers?: readonly ApnsName[]
  readonly identity?: ServerIdentity
  readonly server?: Pick<NotificationServerOptions, 'smp' | 'serviceCertificates'>
}

/** Failures are tried again at once, and no test meets a limit that it does not mean. */
const quickLimits: Partial<Limits> = {
  retryFirst: 20,
  retryLongest: 100,
  checkSpread: 0,
  checkInterval: 0,
  verifications: 10_000,
  registrations: 100_000,
  tokens: 100,
  newServersNtf: 10_000,
}

export class EmbeddedNtf {
  #options: EmbeddedNtfOptions
  readonly fakes: Readonly<Record<ApnsName, ApnsFake>>
  readonly pushes: ApnsLog
  readonly #identity: ServerIdentity
  #server: NotificationServer | undefined
  #door: NtfDoor | undefined
  #release = async () => {}
  #port = 0
  address: ServerAddress = { hosts: [], port: '', keyHash: new Uint8Array(0) }
  /** Of every attempt to push. */
  readonly reports: PushReport[] = []
  readonly #answers = new Map<string, (push: ApnsPush) => ApnsAnswer | Promise<ApnsAnswer>>()

  private constructor(options: EmbeddedNtfOptions, fakes: Readonly<Record<ApnsName, ApnsFake>>) {
    this.#options = options
    this.fakes = fakes
    this.pushes = logOfFakes(Object.values(fakes))
    this.#identity = options.identity ?? createServerIdentity()
    for (const fake of Object.values(fakes)) fake.answer((push) => this.#answers.get(push.token)?.(push) ?? 'accepted')
  }

  static async start(options: EmbeddedNtfOptions): Promise<EmbeddedNtf> {
    const [apns_prod, apns_dev, apns_test] = await Promise.all([startApnsFake(), startApnsFake(), startApnsFake()])
    const ntf = new EmbeddedNtf(options, { apns_prod, apns_dev, apns_test })
    await ntf.start()
    return ntf
  }

  get storage(): StorageOf {
    return this.#options.storage
  }

  get server(): NotificationServer {
    if (!this.#server) throw new Error('expected a notification server that is up')
    return this.#server
  }

  get door(): NtfDoor {
    if (!this.#door) throw new Error('expected a notification server that is up')
    return this.#door
  }

  /** What the far ends answer to pushes for this device, until the test is over. */
  answer(token: string, answer: ApnsAnswer | ((push: ApnsPush) => ApnsAnswer | Promise<ApnsAnswer>)): void {
    this.#answers.set(token, typeof answer === 'function' ? answer : () => answer)
    onTestFinished(() => void this.#answers.delete(token))
  }

  /** With the same identity, at the same port, and with what it kept. `options`: from now on. */
  async start(options: Partial<EmbeddedNtfOptions> = {}): Promise<void> {
    this.#options = { ...this.#options, ...options }
    const { storage, poolSize, clock, limits, testProvider = true, providers = apnsNames } = this.#options
    const { store, release } = await openNotificationStore(storage, { poolSize })
    const apns = providers.map((name) =>
      apnsProvider({ name, ...this.fakes[name].options, timeouts: { connect: 2000, request: 2000 } }),
    )
    const door = ntfDoor({
      identity: this.#identity,
      host: '127.0.0.1',
      port: this.#port,
      testProvider,
      maxConnections: 1000,
      maxConnectionsPerAddress: 1000,
    })
    this.#release = async () => {
      await Promise.all(apns.map((provider) => provider.close()))
      await release()
    }
    try {
      this.#server = await createNotificationServer({
        smp: quickSmp,
        store,
        providers: [...apns, nullProvider('apns_null')],
        doors: [door],
        ...this.#options.server,
        limits: { ...quickLimits, ...limits },
        ...(clock && { clock }),
        onPush: (report) => this.reports.push(report),
      })
    } catch (error) {
      await this.#release()
      throw error
    }
    this.#door = door
    this.address = door.address()
    this.#port = Number(this.address.port)
  }

  /** Until the next `start`. */
  async stop(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
    this.#door = undefined
    await this.#release()
    this.#release = async () => {}
  }

  async restart(options?: Partial<EmbeddedNtfOptions>): Promise<void> {
    await this.stop()
    await this.start(options)
  }

  /** Settles when all that has come is pushed. */
  async quiet(): Promise<void> {
    for (let calm = 0; calm < 3; calm++) {
      await until(async () => {
        const { pushes } = await this.server.status()
        return this.server.metrics().backlog === 0 && pushes.owed === 0 && pushes.inFlight === 0
      })
      await pause(10)
    }
  }

  async close(): Promise<void> {
    await this.stop()
    await Promise.all(Object.values(this.fakes).map((fake) => fake.close()))
  }
}
