// Spec 13 §13.10 step 4: what is repeated and forgotten from time to time.
import { find, type Row, remove, type TableName, type Write } from '@smpkit/agent-store'
import { toMapKey } from '@smpkit/encoding'
import type { Context } from './context.js'
import { resumeDeletion } from './deletion.js'
import { isGone, isTemporary } from './failures.js'
import type { Workers } from './workers.js'

/** In milliseconds. */
const firstDelay = 30_000
const interval = 5 * 60_000
const maxAge = 21 * 24 * 3_600_000
/**
 * Of one round: connections to go on with for each reason, and rows of each table; the next round goes on from there. The tables have no index by
 * time, as every message would pay for it: ten million rows are read in some hours, a second of each five minutes.
 */
const maxConnections = 1000
const maxRows = 250_000
const pageSize = 500

/** What is forgotten, with the writes that do it for the old rows of a page. */
type Sweep<N extends TableName> = (context: Context, rows: readonly Row<N>[]) => Promise<Write[]> | Write[]

const sweeps: { readonly [N in 'hashes' | 'messages' | 'requests' | 'shortLinks']: Sweep<N> } = {
  hashes: (_, rows) => rows.map(({ connId, kind, hash }) => remove('hashes', { connId, kind, hash })),
  requests: (_, rows) =>
    rows.filter(({ status }) => status !== 'new').map(({ requestId }) => remove('requests', { requestId })),
  shortLinks: (_, rows) => rows.map(({ server, linkId }) => remove('shortLinks', { server, linkId })),
  messages: async ({ store }, rows) => {
    const deliveries = await store.read(
      Object.fromEntries(
        rows.map(({ connId, messageId }, i) => [i, find('deliveries', 'byMessage', { connId, messageId }, 1)]),
      ),
    )
    return rows
      .filter((_, i) => deliveries[i]?.length === 0)
      .map(({ connId, messageId }) => remove('messages', { connId, messageId }))
  },
}

type Swept = keyof typeof sweeps

/** Begins rounds of clean-up, which end with the agent. */
export function startCleanup(context: Context, workers: Workers): void {
  const cleanup = new Cleanup(context)
  const next = () => {
    workers.wake('cleanup', (turn) => cleanup.round(turn.signal))
    cancel = context.clock.schedule(next, interval)
  }
  let cancel = context.clock.schedule(next, firstDelay)
  context.closing.addEventListener('abort', () => cancel())
}

export class Cleanup {
  readonly #context: Context
  /** Where the sweep of a table has got to. */
  readonly #pages = new Map<Swept, AsyncIterator<readonly Row<TableName>[]>>()

  readonly #maxRows: number

  constructor(context: Context, { rows = maxRows } = {}) {
    this.#context = context
    this.#maxRows = rows
  }

  /** A store that is away is left to the next round. */
  async round(signal: AbortSignal): Promise<void> {
    try {
      await resumeDeletions(this.#context, signal)
      for (const table of Object.keys(sweeps) as Swept[]) await this.#sweep(table, signal)
    } catch (error) {
      this.#pages.clear()
      if (!signal.aborted && !isTemporary(error)) throw error
    }
  }

  async #sweep<N extends Swept>(table: N, signal: AbortSignal): Promise<void> {
    const { store } = this.#context
    const before = this.#context.now() - maxAge
    const pages = this.#pages.get(table) ?? store.pages(table, { size: pageSize })[Symbol.asyncIterator]()
    this.#pages.set(table, pages)
    for (let left = this.#maxRows; left > 0 && !signal.aborted; left -= pageSize) {
      const { value, done } = await pages.next()
      if (done) {
        this.#pages.delete(table)
        return
      }
      const old = (value as readonly Row<N>[]).filter(({ createdAt }) => createdAt < before)
      if (old.length === 0) continue
      const writes = await (sweeps[table] as Sweep<N>)(this.#context, old)
      await store.atomic({}, () => ({ writes, result: undefined }))
    }
  }
}

/** Of connections that are to be deleted, and of queues that were replaced or not needed after all. */
async function resumeDeletions(context: Context, signal: AbortSignal): Promise<void> {
  const { now, afterDelivery, queues } = await context.store.read({
    now: find('connections', 'byDeletion', { deletion: 'now' }, maxConnections),
    afterDelivery: find('connections', 'byDeletion', { deletion: 'afterDelivery' }, maxConnections),
    queues: find('receiveQueues', 'byDeleted', { deleted: true }, maxConnections),
  })
  const ids = new Map([...now, ...afterDelivery, ...queues].map(({ connId }) => [toMapKey(connId), connId]))
  for (const connId of ids.values()) {
    if (signal.aborted) return
    await resumeDeletion(context, connId).catch((error: unknown) => {
      if (!isGone(error)) throw error
    })
  }
}
