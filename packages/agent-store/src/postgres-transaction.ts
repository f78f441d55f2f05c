// design.md §5: calls that wait at the same time share a transaction, so that they share what its commit costs.
import { StoreConflict } from './errors.js'
import { metaTable } from './meta.js'
import {
  exactlyAll,
  exactlyOne,
  type Failure,
  type Session,
  StatementError,
  statement,
  storeError,
} from './postgres-session.js'
import type { AnyRow } from './queries.js'
import type { Schema } from './schema.js'
import type { Statement, WriteStatement } from './sql-text.js'

/** What a caller asked for, checked, with bytes of its own. */
export interface Call {
  readonly reads: () => readonly Statement[]
  /** From the rows of each read to what is to be written; may be called again. What it throws is for the caller. */
  readonly decide: (rows: readonly AnyRow[][]) => {
    readonly writes: readonly WriteStatement[]
    readonly result: unknown
  }
}

/** How a call ended. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown }

/**
 * Who owns the database, and how many transactions it has committed: one row, which each transaction changes. It tells whether a
 * commit was carried out whose answer was lost, and a transaction of who is no longer the owner fails.
 */
export interface Mark {
  /** Whose database it is. */
  readonly schema: Schema
  readonly owner: string
  count: number
}

export const markValue = ({ owner, count }: Omit<Mark, 'schema'>): string => `${owner} ${count}`

const markStatement = (mark: Mark): Statement =>
  statement(exactlyOne(`UPDATE ${metaTable(mark.schema)} SET value = $1 WHERE name = 'owner' AND value = $2`), [
    markValue({ ...mark, count: mark.count + 1 }),
    markValue(mark),
  ])

/** The connection was lost during a commit: it was carried out if the mark was counted up. */
export class UnknownOutcome extends Error {
  override readonly name = 'UnknownOutcome'

  constructor(
    readonly ifCommitted: readonly Outcome[],
    override readonly cause: unknown,
  ) {
    super('the connection was lost during a commit')
  }
}

/** How often a transaction is tried that conflicts with one of others, who have no business in this database. */
const attempts = 20

const begin = statement('BEGIN ISOLATION LEVEL SERIALIZABLE')
const beginReading = statement('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
const commit = statement('COMMIT')
const rollback = statement('ROLLBACK')
const save = statement('SAVEPOINT call')
const release = statement('RELEASE SAVEPOINT call')
const undo = statement('ROLLBACK TO SAVEPOINT call')

/** The mark is not as this process has left it: another one has taken the database. */
export class Taken extends Error {
  override readonly name = 'Taken'
}

const failureIs = (error: unknown, ...failures: Failure[]): error is StatementError =>
  error instanceof StatementError && failures.includes(error.failure)

const checked = (writes: readonly WriteStatement[]): Statement[] =>
  writes.map(({ text, values, conflict, rows }) => {
    const exactly = rows === 1 ? exactlyOne : exactlyAll
    return { text: conflict === undefined ? text : exactly(text), values }
  })

/** What the caller gets for an error of its call. */
function forCaller(error: unknown, writes: readonly WriteStatement[]): unknown {
  if (!(error instanceof StatementError)) return error
  const conflict = error.failure === 'conflict' ? writes[error.index]?.conflict : undefined
  return conflict === undefined ? storeError(error) : new StoreConflict(conflict)
}

/** Commits, together with `writes` before it. */
async function finish(session: Session, mark: Mark, writes: readonly Statement[], outcomes: readonly Outcome[]) {
  try {
    await session.run([...writes, markStatement(mark), commit])
    mark.count++
  } catch (error) {
    if (failureIs(error, 'lost')) throw new UnknownOutcome(outcomes, error)
    if (failureIs(error, 'conflict') && error.index === writes.length) throw new Taken()
    throw error
  }
}

/** One call: its reads together with the begin, its writes with the commit. */
async function runAlone(session: Session, mark: Mark, { reads, decide }: Call): Promise<Outcome[]> {
  const rows = (await session.run([begin, ...reads()])).slice(1)
  const { writes, result } = decide(rows)
  const outcomes = [{ result }]
  if (writes.length === 0) {
    await session.run([commit])
    return outcomes
  }
  try {
    await finish(session, mark, checked(writes), outcomes)
  } catch (error) {
    throw failureIs(error, 'conflict', 'refused') ? forCaller(error, writes) : error
  }
  return outcomes
}

/** Several calls one after the other, the writes of each together with the reads of the next. What fails in one is undone. */
async function runTogether(session: Session, mark: Mark, calls: readonly Call[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let before: readonly Statement[] = [begin, save]
  /** Of the last call, not carried out yet. */
  let writes: readonly WriteStatement[] = []
  let written = false

  /** Sends what is still to be written and then `reads`, again without the writes if they fail. */
  async function proceed(reads: readonly Statement[]): Promise<AnyRow[][]> {
    const first = writes.length > 0 ? [...checked(writes), release, save] : before
    try {
      const rows = await session.run([...first, ...reads])
      before = []
      return rows.slice(first.length)
    } catch (error) {
      if (!(error instanceof StatementError) || error.failure === 'lost' || error.failure === 'retry') throw error
      before = [undo]
      if (writes.length === 0 || error.index >= first.length) throw error
      outcomes[outcomes.length - 1] = { error: forCaller(error, writes) }
      writes = []
      return proceed(reads)
    } finally {
      written ||= writes.length > 0
      writes = []
    }
  }

  for (const { reads, decide } of calls) {
    try {
      const decision = decide(await proceed(reads()))
      writes = decision.writes
      outcomes.push({ result: decision.result })
    } catch (error) {
      if (failureIs(error, 'lost', 'retry')) throw error
      outcomes.push({ error: forCaller(error, []) })
    }
  }
  await proceed([])
  if (written) await finish(session, mark, [], outcomes)
  else await session.run([commit])
  return outcomes
}

async function attempt(session: Session, mark: Mark, calls: readonly Call[]): Promise<Outcome[]> {
  const [first, ...others] = calls
  try {
    return first !== undefined && others.length === 0
      ? await runAlone(session, mark, first)
      : await runTogether(session, mark, calls)
  } catch (error) {
    // With the commit sent together with what failed, the transaction has ended already: then this does nothing.
    if (!failureIs(error, 'lost') && !(error instanceof UnknownOutcome)) await session.run([rollback])
    throw error
  }
}

/**
 * Runs `calls` in one transaction, again if it conflicts with another.
 * Rejects with UnknownOutcome, Taken, or StatementError `lost`: then nothing was written.
 */
export async function writeAll(session: Session, mark: Mark, calls: readonly Call[]): Promise<readonly Outcome[]> {
  for (let left = attempts; ; left--) {
    try {
      return await attempt(session, mark, calls)
    } catch (error) {
      if (failureIs(error, 'lost') || error instanceof UnknownOutcome || error instanceof Taken) throw error
      if (failureIs(error, 'retry') && left > 1) continue
      return calls.map(() => ({ error: forCaller(error, []) }))
    }
  }
}

/** Runs the reads of several calls as of one moment. */
export async function readAll(session: Session, calls: readonly Call[]): Promise<readonly Outcome[]> {
  const each = calls.map(({ reads }) => reads())
  const statements = each.flat()
  let rows: AnyRow[][]
  try {
    // One statement sees one moment anyway.
    if (statements.length <= 1) rows = await session.run(statements)
    else rows = (await session.run([beginReading, ...statements, commit])).slice(1, -1)
  } catch (error) {
    if (failureIs(error, 'lost')) throw error
    await session.run([rollback])
    return calls.map(() => ({ error: forCaller(error, []) }))
  }
  return calls.map(({ decide }, i) => {
    try {
      return { result: decide(rows.splice(0, each[i]?.length)).result }
    } catch (error) {
      return { error }
    }
  })
}

/** A transaction of several steps that nothing else shares. Rejects as `writeAll` does. */
export async function runSteps(
  session: Session,
  mark: Mark,
  work: (session: Session) => Promise<void>,
): Promise<Outcome> {
  const outcome = { result: undefined }
  try {
    await session.run([begin])
    await work(session)
    await finish(session, mark, [], [outcome])
    return outcome
  } catch (error) {
    if (failureIs(error, 'lost') || error instanceof UnknownOutcome) throw error
    await session.run([rollback])
    if (error instanceof Taken) throw error
    return { error: forCaller(error, []) }
  }
}
