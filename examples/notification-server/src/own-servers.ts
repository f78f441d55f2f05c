// How the SMP servers of our own contact address are: without them no client gets in.
import type { Logger } from '@smpkit/notification-server'
import type { Connect } from '@smpkit/smp-client'
import { parseServerAddress, serverKey } from '@smpkit/smp-commands/address'
import type { ServerReport } from './admin.js'
import { hostOf } from './reports.js'

export interface OwnServers {
  /** To be used by what connects to them. */
  readonly connect: Connect
  list(): readonly ServerReport[]
}

/** Watches connections to these servers; each change is logged once. */
export function watchServers(connect: Connect, addresses: readonly string[], logger: Logger): OwnServers {
  const reports = new Map<string, ServerReport>()
  for (const address of addresses) {
    const report = { server: hostOf(address), up: false, since: null, reason: 'not connected yet' }
    reports.set(serverKey(parseServerAddress(address, 'smp')), report)
  }
  const change = (key: string, up: boolean, reason: string | null) => {
    const before = reports.get(key)
    if (!before || (before.up === up && before.reason === reason)) return
    const since = before.up === up && before.since !== null ? before.since : Date.now()
    reports.set(key, { ...before, up, since, reason })
    if (up) logger.info({ server: before.server }, 'own SMP server up')
    else logger.warn({ server: before.server, reason }, 'own SMP server down: clients of its queues cannot be reached')
  }
  return {
    list: () => [...reports.values()],
    async connect(server, options) {
      const key = serverKey(server)
      try {
        const connection = await connect(server, options)
        change(key, true, null)
        void connection.closed.then(
          () => change(key, false, 'closed'),
          () => change(key, false, 'closed'),
        )
        return connection
      } catch (error) {
        const { code } = error as { readonly code?: unknown }
        change(key, false, typeof code === 'string' ? code : 'failed')
        throw error
      }
    },
  }
}
