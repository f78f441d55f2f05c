// Where a process is killed. `before`: in the n-th `atomic`, after the decision and before its commit. `after`: when that is committed and
// nobody has heard of it. `answer`: when the n-th block of a server has come and nobody has read it: what was asked for has happened, the
// answer is lost. `lie` is no fault but a broken store, by which the tests are tested: the n-th `atomic` resolves without having written,
// and the process is killed soon after.
import { connectSmp } from '@smpkit/smp-transport'

/** At once: nothing after this call is run. */
const kill = () => process.kill(process.pid, 'SIGKILL')

/** How long a lie may have its effects, in milliseconds. */
const lieTime = 100

/** The store with the fault, or without one. */
export function faultyStore(store, fault) {
  let count = 0
  const isDue = (mode) => fault?.mode === mode && count === fault.n
  async function atomic(queries, decide, options) {
    count++
    const [before, after, lie] = [isDue('before'), isDue('after'), isDue('lie')]
    if (lie) {
      setTimeout(kill, lieTime)
      return decide(await store.read(queries)).result
    }
    const result = await store.atomic(
      queries,
      (found) => {
        const decision = decide(found)
        if (before) kill()
        return decision
      },
      options,
    )
    if (after) kill()
    return result
  }
  return {
    supports: store.supports,
    closed: store.closed,
    atomic,
    read: (queries, options) => store.read(queries, options),
    pages: (table, options) => store.pages(table, options),
    last: (table, options) => store.last(table, options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** For `AgentOptions.connect`. */
export function faultyConnect(fault) {
  let count = 0
  return async (server, options) => {
    const connection = await connectSmp(server, options)
    return {
      session: connection.session,
      closed: connection.closed,
      send: (content) => connection.send(content),
      close: () => connection.close(),
      [Symbol.asyncDispose]: () => connection.close(),
      async *[Symbol.asyncIterator]() {
        for await (const block of connection) {
          if (fault?.mode === 'answer' && ++count === fault.n) kill()
          yield block
        }
      },
    }
  }
}
