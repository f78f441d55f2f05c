// An SMP server of the tests that can go away and come back, and tells what it has seen.
import { type LogEntry, type SmpServer, type SmpServerOptions, startSmpServer } from '@smpkit/smp-server'

const quick = { notificationTick: 10, endDelay: 10, quota: 10_000 } as const

export class EmbeddedSmp {
  readonly #options: SmpServerOptions
  #server: SmpServer | undefined
  /** What the next one goes on with. */
  #kept: Pick<SmpServerOptions, 'port' | 'state'> = {}
  /** In its order. */
  readonly log: LogEntry[] = []

  private constructor(options: SmpServerOptions) {
    this.#options = options
  }

  static async start(options: SmpServerOptions = {}): Promise<EmbeddedSmp> {
    const smp = new EmbeddedSmp(options)
    await smp.start()
    return smp
  }

  get server(): SmpServer {
    if (!this.#server) throw new Error('expected an SMP server that is up')
    return this.#server
  }

  /** `options`: from now on. */
  async start(options: SmpServerOptions = {}): Promise<void> {
    Object.assign(this.#options, options)
    const log = (entry: LogEntry) => void this.log.push(entry)
    this.#server = await startSmpServer({ ...quick, ...this.#options, ...this.#kept, log })
  }

  /** Its queues and messages come back with the next `start`. */
  async stop(): Promise<void> {
    const { server } = this
    this.#server = undefined
    this.#kept = { port: server.port, state: await server.stop() }
  }

  async close(): Promise<void> {
    await this.#server?.stop()
    this.#server = undefined
  }
}
