// What the parties do once they are connected. `begin` is called again after a restart, and when there is news of the connection.
import { randomBytes } from 'node:crypto'

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The server has all our texts, and the peer's receipts for them are there. */
const tell = {
  begin: (party, connection) => party.talk(connection),
  isDone: ({ book, job: { count, receipts = true } }, connection) => {
    const written = book.all('SELECT sent, receipt FROM written WHERE connection = ?', connection)
    return written.filter(({ sent, receipt }) => sent && (receipt || !receipts)).length === count
  },
}

/** All of the peer's texts are there. */
const listen = {
  begin: async () => {},
  isDone: ({ book, job }, connection) => new Set(book.texts(connection)).size === job.count,
}

const talk = {
  begin: tell.begin,
  isDone: (party, connection) => tell.isDone(party, connection) && listen.isDone(party, connection),
}

/** Moves our queue. */
const rotate = {
  begin: (party, connection) =>
    party.once(`rotate ${connection}`, () => party.agent.switchQueue(connection), 'PROHIBITED'),
  isDone: ({ book }, connection) => book.noted(`switch ${connection} receive completed`),
}

/** Follows the peer's queue. */
const follow = {
  begin: async () => {},
  isDone: ({ book }, connection) => book.noted(`switch ${connection} send completed`),
}

/** Makes new ratchets. Where it is not known whether that was begun, the agent knows; to force it twice would confuse the peer. */
const synchronize = {
  begin: (party, connection) =>
    party.once(`synchronize ${connection}`, async () => {
      const { synchronization } = await party.agent.connection(connection)
      const isBegun = synchronization !== 'ok' || party.book.noted(`synchronized ${connection}`)
      if (!isBegun) await party.agent.synchronize(connection, { force: true })
    }),
  isDone: ({ book }, connection) => book.noted(`synchronized ${connection}`),
}

const agree = {
  begin: async () => {},
  isDone: synchronize.isDone,
}

/** Deletes the connection at once. */
const remove = {
  begin: (party, connection) =>
    party.once(`remove ${connection}`, () => party.agent.deleteConnection(connection), 'NOT_FOUND'),
  isDone: ({ book }, connection) => book.noted(`deleted ${connection}`),
}

/** Says what there is to say, and deletes the connection when that is delivered. */
const part = {
  begin: async (party, connection) => {
    await party.talk(connection)
    const options = { waitForDelivery: true }
    await party.once(`part ${connection}`, () => party.agent.deleteConnection(connection, options), 'NOT_FOUND')
  },
  isDone: remove.isDone,
}

const notify = {
  begin: (party, connection) =>
    party.once(`notify ${connection}`, () => party.agent.setNotifications(connection, true)),
  isDone: ({ book }, connection) => book.noted(`notifications ${connection} on`),
}

/** Wants to be notified, and then not any more. */
const notifyNoMore = {
  begin: async (party, connection) => {
    await notify.begin(party, connection)
    if (!notify.isDone(party, connection)) return
    await party.once(`notify no more ${connection}`, () => party.agent.setNotifications(connection, false))
  },
  isDone: ({ book }, connection) => book.noted(`notifications ${connection} off`),
}

/** Sleeps, and is woken by pushes until all of the peer's texts are there. What the items tell of the messages is for nobody here. */
const wake = {
  begin: async (party, connection) => {
    while (!listen.isDone(party, connection) && !party.isClosing) {
      const notifiers = await party.agent.notifiers(connection)
      const items = notifiers.map(({ server, notifierId }) => ({
        server,
        notifierId,
        nonce: randomBytes(24),
        encMeta: randomBytes(144),
      }))
      await party.agent.wakeUp(items, { timeBudget: 5000 })
      await pause(20)
    }
  },
  isDone: listen.isDone,
}

/** The address has no short link any more. */
const unlink = {
  begin: (party) => party.once('unlink', () => party.agent.deleteShortLink(party.book.noted('address'))),
  isDone: ({ book }) => book.noted('unlink'),
}

export const actions = {
  tell,
  listen,
  talk,
  rotate,
  follow,
  synchronize,
  agree,
  remove,
  part,
  notify,
  notifyNoMore,
  wake,
  unlink,
}
