// An agent for the time that a program runs, which tells how its connections to servers are.
import { setTimeout } from 'node:timers/promises'
import { AgentError, type AgentEvent, openAgent, type SmpAgent } from '@smpkit/smp-agent'
import type { Connect } from '@smpkit/smp-client'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { connectSmp, connectThroughSocks } from '@smpkit/smp-transport'
import { type Database, openDatabase } from './database.js'
import { ChatError } from './errors.js'
import { type CommonOptions, readSocks } from './options.js'
import type { Running } from './program.js'
import { describeError } from './program-errors.js'
import type { Archive } from './records.js'

export interface AgentProgram {
  readonly agent: SmpAgent
  readonly archive: Archive
  /** What was the matter with the servers that we could not reach when it was tried last. */
  troubles(): readonly string[]
}

export interface AgentProgramOptions extends Omit<CommonOptions, 'name'> {
  /** `false`: messages are fetched when a push tells of them. */
  readonly subscribe?: boolean
}

/** Opens database and agent, and closes them after `run`. @throws ProgramError, and what `run` throws */
export async function withAgent<R>(
  options: AgentProgramOptions,
  running: Running,
  run: (program: AgentProgram) => Promise<R>,
): Promise<R> {
  const { signal, log } = running
  const servers = new ServerStatus(log)
  await using database: Database = await openDatabase(options.db, { ...options, signal })
  const connect: Connect = options.socks ? connectThroughSocks(readSocks(options.socks)) : connectSmp
  await using agent = await openAgent({
    store: database.store,
    servers: options.server ?? [],
    subscribe: options.subscribe ?? true,
    connect: servers.observe(connect),
  })
  const ended = agent.closed.then((error) => {
    throw error ?? new Error('the agent was closed')
  })
  // Only the race below is about it.
  ended.catch(() => {})
  return await Promise.race([run({ agent, archive: database.archive, troubles: () => servers.troubles() }), ended])
}

const hostOf = ({ hosts, port }: ServerAddress): string =>
  `${hosts[0]?.text ?? 'a server'}${port === '' ? '' : `:${port}`}`

/** Says when a server goes away, and when it is there again; not each attempt in between. */
class ServerStatus {
  readonly #log: (line: string) => void
  readonly #troubles = new Map<string, string>()

  constructor(log: (line: string) => void) {
    this.#log = log
  }

  troubles(): readonly string[] {
    return [...this.#troubles.values()]
  }

  observe(connect: Connect): Connect {
    return async (server, options) => {
      const host = hostOf(server)
      try {
        const connection = await connect(server, options)
        if (this.#troubles.delete(host)) this.#log(`${host}: connected again`)
        return connection
      } catch (error) {
        if (!options?.signal?.aborted) this.#failed(host, error)
        throw error
      }
    }
  }

  #failed(host: string, error: unknown): void {
    const trouble = `cannot connect to ${host}: ${describeError(error)}`
    if (!this.#troubles.has(host)) this.#log(`${trouble}; trying again`)
    this.#troubles.set(host, trouble)
  }
}

/** How long to wait before an event is dealt with again, whose database was away, in milliseconds. */
const retryDelay = 1000

/** It would be the same again: for a connection that was deleted meanwhile, for instance. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ChatError || (error instanceof AgentError && error.code !== 'CLOSED')

/**
 * Deals with the events one after the other, each until it succeeds or is refused. `handle` acknowledges them, and may end it.
 * @throws the reason of the signal
 */
export async function eachEvent(
  { agent }: AgentProgram,
  { signal, log }: Running,
  handle: (event: AgentEvent) => Promise<'end' | undefined>,
): Promise<void> {
  for await (const event of agent.events({ signal })) {
    for (;;) {
      try {
        if ((await handle(event)) === 'end') return
        break
      } catch (error) {
        signal.throwIfAborted()
        if (isRefusal(error)) {
          log(`${event.type}: ${describeError(error)}`)
          await event.ack()
          break
        }
        if (!(error as { temporary?: unknown }).temporary) throw error
        log(`${describeError(error)}; trying again`)
        await setTimeout(retryDelay, undefined, { signal })
      }
    }
  }
}
