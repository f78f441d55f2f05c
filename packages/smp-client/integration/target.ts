// The server that the wire tests run against: SMP_SERVER (and SMP_SERVER_2), or embedded ones.
import { PrivateKey } from '@smpkit/crypto'
import type { ServiceRole, SmpVersion } from '@smpkit/smp-commands'
import { type ParsedServerAddress, parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { ManualClock, type SmpServer, startSmpServer } from '@smpkit/smp-server'
import {
  type ConnectOptions,
  connectSmp,
  createServiceCredentials,
  type ServiceCredentials,
} from '@smpkit/smp-transport'
import { afterAll, beforeAll, type TestContext } from 'vitest'
import {
  type NewQueueOptions,
  newQueue,
  openSession,
  type Queue,
  type SessionEvent,
  type SessionOptions,
  type SmpClientSession,
} from '../src/index.js'

/**
 * `clock`: the server's time can be moved. `v19`: it speaks that version. `services`: it accepts service certificates, which some
 * have to be configured for. `password`: it asks for one to create queues, and we have it; `second-password`: so does the second one.
 */
export type Ability =
  | 'clock'
  | 'v15'
  | 'v16'
  | 'v17'
  | 'v19'
  | 'services'
  | 'second-server'
  | 'password'
  | 'second-password'

export interface Opening extends SessionOptions {
  version?: number
  service?: ServiceRole | ServiceCredentials
}

const embeddedPassword = 'integration'

export class Target {
  readonly abilities = new Set<Ability>()
  readonly #servers: SmpServer[] = []
  readonly #sessions: SmpClientSession[] = []
  #clock: ManualClock | undefined
  #addresses: ParsedServerAddress[] = []
  maxVersion = 0

  async start(): Promise<void> {
    if (process.env.SMP_SERVER_2 && !process.env.SMP_SERVER) throw new Error('SMP_SERVER_2 needs SMP_SERVER')
    const texts = [process.env.SMP_SERVER, process.env.SMP_SERVER_2].filter((text) => text !== undefined && text !== '')
    this.#addresses =
      texts.length > 0 ? texts.map((text) => parseServerAddress(text as string, 'smp')) : await this.#embedded()
    const session = await this.open()
    this.maxVersion = session.session.version
    await session.close()
    for (const version of [15, 16, 17, 19] as const) if (this.maxVersion >= version) this.abilities.add(`v${version}`)
    if (this.#clock) this.abilities.add('clock')
    if (this.password !== null) this.abilities.add('password')
    if (this.#addresses.length > 1) this.abilities.add('second-server')
    if (this.secondPassword !== null) this.abilities.add('second-password')
    if (await this.#acceptsServices()) this.abilities.add('services')
  }

  async #acceptsServices(): Promise<boolean> {
    const session = await this.open({ service: 'notifier' }).catch(() => undefined)
    const accepted = session !== undefined && session.session.service !== null
    await session?.close()
    return accepted
  }

  async #embedded(): Promise<ParsedServerAddress[]> {
    const clock = new ManualClock(Date.now())
    this.#clock = clock
    const options = { clock, password: embeddedPassword, onError: (error: unknown) => this.faults.push(error) }
    this.#servers.push(await startSmpServer(options), await startSmpServer(options))
    return this.#servers.map(({ addressTextWithPassword }) => parseServerAddress(addressTextWithPassword, 'smp'))
  }

  /** Faults of the embedded servers. */
  readonly faults: unknown[] = []

  async stop(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()))
    await Promise.all(this.#servers.map((server) => server.stop()))
  }

  get address(): ServerAddress {
    return this.#addresses[0] as ParsedServerAddress
  }

  get secondAddress(): ServerAddress {
    return this.#addresses[1] as ParsedServerAddress
  }

  get password(): string | null {
    return this.#addresses[0]?.password ?? null
  }

  get secondPassword(): string | null {
    return this.#addresses[1]?.password ?? null
  }

  connectOptions({ version, service }: Opening = {}): ConnectOptions {
    const credentials = typeof service === 'string' ? { ...createServiceCredentials(), role: service } : service
    return {
      ...(version && { versionRange: { min: version as SmpVersion, max: version as SmpVersion } }),
      ...(credentials && { service: credentials }),
    }
  }

  /** A session that ends with the tests of the file. */
  async open(opening: Opening = {}, address = this.address): Promise<SmpClientSession> {
    const session = await openSession(address, {
      ...opening,
      service: null,
      connect: (server, { signal }) => connectSmp(server, { ...this.connectOptions(opening), signal }),
    })
    this.#sessions.push(session)
    return session
  }

  newQueue(session: SmpClientSession, options: NewQueueOptions = {}): Promise<Queue> {
    return newQueue(session, { password: this.password, ...options })
  }

  /** Moves the embedded server's time; with a real server time passes by itself. */
  tick(milliseconds = 1500): void {
    this.#clock?.advance(milliseconds)
  }

  needs(context: TestContext, ...abilities: Ability[]): void {
    for (const ability of abilities) if (!this.abilities.has(ability)) context.skip(`needs ${ability}`)
  }

  /** The next event that passes the test; others are left out. A server's delays pass meanwhile. */
  async event(session: SmpClientSession, test: (event: SessionEvent) => boolean): Promise<SessionEvent> {
    let found: SessionEvent | undefined
    const searching = (async () => {
      for await (const event of session.events) {
        if (!test(event)) continue
        found = event
        return event
      }
      throw new Error('expected an event, the session ended')
    })()
    const ticking = (async () => {
      while (!found && this.#clock) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        if (!found) this.tick()
      }
    })()
    const event = await searching
    await ticking
    return event
  }
}

/** A target for the tests of a file. */
export function useTarget(): Target {
  const target = new Target()
  beforeAll(() => target.start())
  afterAll(() => target.stop())
  return target
}

export const text = (body: Uint8Array): string => new TextDecoder().decode(body)
export const bytes = (body: string): Uint8Array => new TextEncoder().encode(body)
export const tagged = (tag: string, entityId: Uint8Array) => (event: SessionEvent) =>
  event.message.tag === tag && String(event.entityId) === String(entityId)
export const newKey = () => PrivateKey.generate('ed25519')
