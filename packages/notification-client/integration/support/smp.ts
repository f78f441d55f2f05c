// The SMP servers of these tests: SMP_SERVER (and SMP_SERVER_2), or embedded ones that can go away and come back.
import { type SmpServer, type SmpServerOptions, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, onTestFinished, type TestContext } from 'vitest'

export interface Smp {
  /** `smp://…` */
  readonly address: string
}

export class EmbeddedSmp implements Smp {
  readonly #options: SmpServerOptions
  #server: SmpServer | undefined
  /** What the next one goes on with. */
  #kept: Pick<SmpServerOptions, 'port' | 'state'> = {}
  address = ''

  constructor(options: SmpServerOptions = {}) {
    this.#options = { notificationTick: 20, endDelay: 50, ...options }
  }

  /** `options`: for this time. */
  async start(options: SmpServerOptions = {}): Promise<this> {
    this.#server = await startSmpServer({ ...this.#options, ...options, ...this.#kept })
    this.address = this.#server.addressText
    return this
  }

  /** Its queues and messages come back with the next `start`. */
  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    this.#kept = { port: server.port, state: await server.stop() }
  }
}

/** For one test. */
export async function embeddedSmp(options: SmpServerOptions = {}): Promise<EmbeddedSmp> {
  const server = await new EmbeddedSmp(options).start()
  onTestFinished(() => server.stop())
  return server
}

export interface SmpTarget {
  readonly first: Smp
  /** The same as the first one, where only that is given. */
  readonly second: Smp
  /** The second one. Skips the test where there is no other one. */
  other(context: TestContext): Smp
}

/** For the tests of a file. */
export function useSmp(): SmpTarget {
  const { SMP_SERVER, SMP_SERVER_2 } = process.env
  if (SMP_SERVER_2 && !SMP_SERVER) throw new Error('SMP_SERVER_2 needs SMP_SERVER')
  if (SMP_SERVER) {
    const [first, second] = [{ address: SMP_SERVER }, { address: SMP_SERVER_2 || SMP_SERVER }]
    return {
      first,
      second,
      other(context) {
        if (!SMP_SERVER_2) context.skip('needs SMP_SERVER_2')
        return second
      },
    }
  }
  const [first, second] = [new EmbeddedSmp(), new EmbeddedSmp()]
  beforeAll(async () => {
    await Promise.all([first.start(), second.start()])
  })
  afterAll(async () => {
    await Promise.all([first.stop(), second.stop()])
  })
  return { first, second, other: () => second }
}
