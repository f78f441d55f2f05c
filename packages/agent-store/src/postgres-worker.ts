// design.md §5: the calls of a store in turn over one connection, which is replaced when it breaks.
import { StoreError } from './errors.js'
import { disown, type Owner, ownAgain, pause, unlessAborted } from './postgres-owner.js'
import { type PostgresPool, type Session, storeError } from './postgres-session.js'
import {
  type Call,
  type Mark,
  type Outcome,
  readAll,
  runSteps,
  Taken,
  UnknownOutcome,
  writeAll,
} from './postgres-transaction.js'

export interface Worker {
  /** Only what was committed before is read; nothing is written. */
  read(call: Call, signal: AbortSignal | undefined): Promise<unknown>
  write(call: Call, signal: AbortSignal | undefined): Promise<unknown>
  /** A transaction of several steps, alone; `committed` is called before anything else is done. */
  steps(work: (session: Session) => Promise<void>, committed?: () => void): Promise<void>
  /** What cannot be in a transaction, alone. */
  outside(work: (session: Session) => Promise<void>): Promise<void>
  readonly closed: Promise<StoreError | undefined>
  close(): Promise<void>
}

interface Waiting {
  readonly call: Call
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** Something that needs the connection for itself. */
interface Alone extends Settled {
  readonly run: (session: Session) => Promise<Outcome>
}

type Settled = Pick<Waiting, 'resolve' | 'reject'>

/** How many calls share a transaction at most: the first of them waits for the last. */
const most = 64
/** The longest time between two attempts to connect again, in milliseconds. */
const longestDelay = 1000
/** How long a store that is being closed tries to find out about its last commit, in milliseconds. */
const closingTime = 2000

const away = (message: string, cause?: unknown) => new StoreError('UNAVAILABLE', message, { temporary: true, cause })

function settle(who: readonly Settled[], outcomes: readonly Outcome[]): void {
  who.forEach(({ resolve, reject }, i) => {
    const outcome = outcomes[i]
    if (outcome !== undefined && 'result' in outcome) resolve(outcome.result)
    else reject(outcome?.error)
  })
}

/** What the server refuses is an outcome, as long as the connection is there. */
async function withoutTransaction(session: Session, work: (session: Session) => Promise<void>): Promise<Outcome> {
  try {
    return { result: await work(session) }
  } catch (error) {
    if (session.isGone) throw error
    return { error: storeError(error) }
  }
}

/** With `endWhenLost` it ends with its first connection. */
export function createWorker(pool: PostgresPool, first: Owner, mark: Mark, endWhenLost = false): Worker {
  let owner = first
  /** Why nothing is accepted any more. */
  let ended: StoreError | undefined
  let isRecovering = false
  let working: Promise<void> | undefined
  const reads: Waiting[] = []
  const writes: Waiting[] = []
  const alone: Alone[] = []
  const stop = new AbortController()
  /** Some time after `stop`: what is still not known then is not asked for any more. */
  const giveUp = new AbortController()
  let end = (_why: StoreError | undefined): void => {}
  const closed = new Promise<StoreError | undefined>((resolve) => {
    end = resolve
  })

  /** Rejects all that wait. */
  function refuse(error: StoreError): void {
    for (const { reject } of [...reads.splice(0), ...writes.splice(0), ...alone.splice(0)]) reject(error)
  }

  function endWith(error: StoreError): StoreError {
    ended = error
    refuse(error)
    owner.session.close()
    end(error)
    return error
  }

  const isLost = () => away('the connection to PostgreSQL is lost')
  const endAsTaken = () => endWith(new StoreError('LOCKED', 'another process has taken the database'))

  /**
   * Connects again. Whether the commit was carried out that was under way, if one was (`isCommitting`): `undefined` if that
   * cannot be known, because the store is closed and the database away, or because that has changed hands twice.
   */
  async function recover(isCommitting: boolean): Promise<boolean | undefined> {
    isRecovering = true
    refuse(isLost())
    // A store that is being closed does not wait for the database for long, and not at all if it has nothing to find out.
    const { signal } = isCommitting ? giveUp : stop
    let delay = 20
    while (!signal.aborted) {
      const again = unlessAborted(ownAgain(pool, owner.backend, mark), signal, (late) => late.owner?.session.close())
      const found = await again.catch(() => undefined)
      const committed = found?.count === undefined ? undefined : found.count > mark.count
      if (found?.isOlder) {
        const advice = 'open it again, as after restoring a backup'
        endWith(new StoreError('CORRUPT', `the database has lost transactions that were committed: ${advice}`))
        return undefined
      }
      if (found?.owner && found.count !== undefined) {
        owner = found.owner
        mark.count = found.count
        watch()
        isRecovering = false
        return committed
      }
      if (found && !found.ending) {
        endAsTaken()
        return committed
      }
      await pause(delay, signal).catch(() => undefined)
      delay = Math.min(2 * delay, longestDelay)
    }
    return undefined
  }

  /** Settles `who` with what comes of `work`, if need be after connecting again. */
  async function attempt(who: readonly Settled[], work: () => Promise<readonly Outcome[]>): Promise<void> {
    const all = (error: unknown) => settle(who, Array(who.length).fill({ error }))
    try {
      settle(who, await work())
    } catch (error) {
      if (error instanceof Taken) return all(endAsTaken())
      owner.session.close()
      if (!(error instanceof UnknownOutcome)) return all(storeError(error))
      const committed = endWhenLost ? undefined : await recover(true)
      if (committed) settle(who, error.ifCommitted)
      else if (committed === false) all(storeError(error.cause))
      else all(away('it is not known whether the transaction was committed', error.cause))
    }
  }

  async function turn(): Promise<void> {
    const callsOf = (items: readonly Waiting[]) => items.map(({ call }) => call)
    const readers = reads.splice(0)
    if (readers.length > 0) await attempt(readers, () => readAll(owner.session, callsOf(readers)))
    const writers = writes.splice(0, most)
    if (writers.length > 0) await attempt(writers, () => writeAll(owner.session, mark, callsOf(writers)))
    const one = alone.shift()
    if (one !== undefined) await attempt([one], async () => [await one.run(owner.session)])
  }

  async function work(): Promise<void> {
    // What is called in one go comes into one transaction.
    await undefined
    while (reads.length + writes.length + alone.length > 0 || (owner.session.isGone && !ended)) {
      if (!owner.session.isGone) await turn()
      else if (ended) refuse(ended)
      else if (endWhenLost) endWith(isLost())
      else await recover(false)
    }
    working = undefined
  }

  function wake(): void {
    working ??= work()
  }

  function watch(): void {
    owner.session.gone.then(wake)
  }

  function requireOpen(): void {
    if (ended) throw ended
    if (isRecovering || owner.session.isGone) throw isLost()
  }

  function enqueue(list: Waiting[], call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      requireOpen()
      const abort = () => {
        const at = list.indexOf(item)
        if (at < 0) return
        list.splice(at, 1)
        reject(signal?.reason)
      }
      const item: Waiting = { call, resolve, reject }
      if (signal) {
        signal.addEventListener('abort', abort, { once: true })
        item.resolve = (result) => {
          signal.removeEventListener('abort', abort)
          resolve(result)
        }
        item.reject = (error) => {
          signal.removeEventListener('abort', abort)
          reject(error)
        }
      }
      list.push(item)
      wake()
    })
  }

  function enqueueAlone(run: Alone['run'], done = () => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      requireOpen()
      const finish = () => {
        done()
        resolve()
      }
      alone.push({ run, resolve: finish, reject })
      wake()
    })
  }

  watch()
  return {
    closed,
    read: (call, signal) => enqueue(reads, call, signal),
    write: (call, signal) => enqueue(writes, call, signal),
    steps: (work, committed) => enqueueAlone((session) => runSteps(session, mark, work), committed),
    outside: (work) => enqueueAlone((session) => withoutTransaction(session, work)),
    async close() {
      const isFirst = ended === undefined
      ended = new StoreError('CLOSED', 'the store is closed')
      stop.abort()
      const timer = setTimeout(() => giveUp.abort(), closingTime)
      await working
      clearTimeout(timer)
      await disown(owner)
      if (isFirst) end(undefined)
    },
  }
}
