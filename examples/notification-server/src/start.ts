// The command `start`: serves until a signal, or until the server cannot go on.
import path from 'node:path'
import { StoreError } from '@smpkit/agent-store'
import { type ExitCode, exitCodes, ProgramError, type Running } from 'example-chat'
import { pino } from 'pino'
import { serveAdmin } from './admin-socket.js'
import type { Config } from './config-keys.js'
import { loadConfig, socketName } from './data-folder.js'
import { openDatabases } from './databases.js'
import { type HttpListener, listenHttp } from './http.js'
import { createLog } from './logs.js'
import { createMetrics, type Metrics } from './metrics.js'
import { createRecentPushes } from './recent-pushes.js'
import { version } from './version.js'
import { type RunningServer, startServer } from './wire.js'

export interface StartOptions {
  readonly data: string
  readonly restored?: boolean
}

/** What HTTP tells of a start that is going on. */
interface State {
  server?: RunningServer
  waitingFor?: string | undefined
}

export async function startCommand(
  _: readonly string[],
  { data, restored = false }: StartOptions,
  { signal, log }: Running,
): Promise<ExitCode> {
  const folder = path.resolve(data)
  const config = loadConfig(folder, log)
  const logger = createLog(config.log.level, pino.destination({ dest: 2, sync: true }))
  const state: State = { waitingFor: 'the databases' }
  const recent = createRecentPushes()
  const metrics = createMetrics({
    ownDomains: config.smp.own_domains,
    version,
    server: () => state.server?.metrics(),
  })
  // What is made last ends first. A stand-by has HTTP already.
  await using _http = await serveHttp(config, state, metrics)
  const { stand_by: waitForLock } = config.database
  for (let isRestored = restored; ; isRestored = false) {
    if (waitForLock) logger.info({}, 'waiting until no other process uses the databases')
    state.waitingFor = 'the databases'
    await using databases = await openDatabases(config, { signal, waitForLock })
    if (isRestored) {
      await databases.notifications.markRestored()
      await databases.agent.markRestored()
    }
    state.waitingFor = 'the subscriptions'
    await using server = await startServer(config, databases, { logger, recent, onPush: metrics.pushed })
    await using _socket = await serveAdmin(path.join(folder, socketName), server.admin)
    Object.assign(state, { server, waitingFor: undefined })
    const { providers, ntf } = server
    logger.info(
      { providers, ...(ntf !== undefined && { ntf }) },
      'serving; the command address shows what to give to clients',
    )

    const why = await Promise.race([server.closed, aborted(signal)])
    state.waitingFor = 'the end'
    logger.info({}, 'ending')
    if (signal.aborted) return exitCodes.ok
    // The connection that held the lock: a stand-by may have it by now, and we are the stand-by then.
    if (!waitForLock || !(why instanceof StoreError && why.temporary)) {
      throw new ProgramError(exitCodes.database, 'the server cannot go on', { cause: why })
    }
    delete state.server
    logger.error({}, 'the connection to the database is lost')
  }
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })

async function serveHttp(
  { metrics: { listen } }: Config,
  state: State,
  metrics: Metrics,
): Promise<HttpListener | null> {
  if (listen === undefined) return null
  try {
    return await listenHttp(listen, {
      metrics: metrics.text,
      notReady: () => (state.waitingFor === undefined ? undefined : `waiting for ${state.waitingFor}`),
    })
  } catch (error) {
    throw new ProgramError(exitCodes.usage, 'metrics.listen: that address cannot be listened on', { cause: error })
  }
}
