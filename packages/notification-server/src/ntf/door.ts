// Spec 20, 24 §1: clients come over connections of the NTF protocol, as SimpleX apps do.
import type { VersionRange } from '@smpkit/encoding'
import type { NtfCommand, NtfServerEnd } from '@smpkit/ntf-protocol'
import { listenNtf, type NtfServerSocket } from '@smpkit/ntf-protocol/transport'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { type AdmissionLimits, type ServerIdentity, SmpTransportError } from '@smpkit/smp-transport'
import type { Core, FrontDoor } from '../front-door.js'
import { errorKind } from '../logger.js'
import { pause } from '../pause.js'
import { RateLimit } from '../rate-limit.js'
import { serve } from './connection.js'
import { Executor } from './executor.js'
import { networkOf } from './network-of.js'
import { Pace } from './pace.js'

export interface NtfDoorOptions extends AdmissionLimits {
  /** Clients know the server by its fingerprint. */
  readonly identity: ServerIdentity
  /** Where to listen. Default: all interfaces. */
  readonly host?: string
  /** Default 443, which clients take where an address names none; 0: any that is free. */
  readonly port?: number
  /** Ends a connection in which no block came or went for so long, in milliseconds. Default: 12 hours. */
  readonly idleTimeout?: number
  /** Default: all that we speak. */
  readonly versionRange?: VersionRange
  /** Whether clients may register at `apns_test` (AT), which a server of tests has. Default false. */
  readonly testProvider?: boolean
}

/** Since the start. */
export interface NtfDoorMetrics {
  readonly connections: number
  readonly commands: Readonly<Partial<Record<NtfCommand['tag'], number>>>
  /** By their code. */
  readonly errors: Readonly<Record<string, number>>
}

export interface NtfDoor extends FrontDoor {
  /** An address that leads here: `ntf://…` in `ntfAddressToText`. `host`: default 127.0.0.1. @throws Error before the start */
  address(host?: string): ServerAddress
  metrics(): NtfDoorMetrics
}

/**
 * The NTF protocol, versions 1 to 3. It needs `apns_null` among the providers of the server, as every server has to offer it; `apns_prod`
 * and `apns_dev` where they are there.
 */
export function ntfDoor(options: NtfDoorOptions): NtfDoor {
  const door = new Door(options)
  return {
    name: 'ntf',
    address: (host) => door.address(host),
    metrics: () => door.metrics(),
    start: (core) => door.start(core),
    close: () => door.close(),
  }
}

/** Some milliseconds, in which the SMP side signs about as many commands. */
const checksPerTurn = 64

class Door {
  readonly #options: NtfDoorOptions
  readonly #pace = new Pace(checksPerTurn)
  readonly #serving = new Set<Promise<void>>()
  readonly #commands = new Map<NtfCommand['tag'], number>()
  readonly #errors = new Map<string, number>()
  #socket: NtfServerSocket | undefined

  constructor(options: NtfDoorOptions) {
    this.#options = options
  }

  address(host?: string): ServerAddress {
    if (!this.#socket) throw new Error('expected a door that was started')
    return this.#socket.address(host)
  }

  metrics(): NtfDoorMetrics {
    return {
      connections: this.#serving.size,
      commands: Object.fromEntries(this.#commands),
      errors: Object.fromEntries(this.#errors),
    }
  }

  async start(core: Core): Promise<void> {
    const { testProvider = false, port = 443, idleTimeout = 43_200_000, ...options } = this.#options
    const names = ['apns_null', ...(testProvider ? ['apns_test'] : [])]
    for (const name of names) {
      if (core.providers.some((one) => one.name === name)) continue
      throw new Error(`expected the provider ${name}, which the NTF protocol needs`)
    }
    const registrations = new RateLimit(core.clock, core.limits.registrations, 3_600_000)
    this.#socket = await listenNtf({
      ...options,
      port,
      idleTimeout,
      onConnection: (connection, { remoteAddress }) => {
        const register = (signal: AbortSignal) => turn(registrations, networkOf(remoteAddress), signal)
        const serving = this.#serve(connection, core, register).finally(() => this.#serving.delete(serving))
        this.#serving.add(serving)
        return serving
      },
      onError: (error) => core.logger.debug({ error: errorKind(error) }, 'a connection of an NTF client has failed'),
    })
  }

  async close(): Promise<void> {
    await this.#socket?.close()
    await Promise.allSettled(this.#serving)
  }

  async #serve(
    connection: BlockConnection<NtfServerEnd>,
    core: Core,
    register: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const ending = new AbortController()
    void connection.closed.then(() => ending.abort())
    const executor = new Executor({
      core,
      end: connection.session,
      testProvider: this.#options.testProvider ?? false,
      pace: this.#pace,
      register: () => register(ending.signal),
    })
    try {
      await serve({
        connection,
        executor,
        onAnswer: (received, { response }) => {
          if ('command' in received) count(this.#commands, received.command.tag)
          if (response.tag === 'ERR') count(this.#errors, response.error.code)
        },
      })
    } catch (error) {
      // That of the connection is told by `onError`.
      if (!(error instanceof SmpTransportError))
        core.logger.error({ error: errorKind(error) }, 'a command of an NTF client has failed')
      throw error
    }
  }
}

/** Settles when there is one to take. @throws SmpTransportError `CLOSED` if the signal aborts: who leaves is not let in */
async function turn(limit: RateLimit, key: string, signal: AbortSignal): Promise<void> {
  for (let wait = limit.take(key); wait > 0; wait = limit.take(key)) {
    await pause(limit.clock, wait, signal)
    if (signal.aborted) throw new SmpTransportError('CLOSED', 'the connection ended while a registration waited')
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
