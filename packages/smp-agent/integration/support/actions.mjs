// What the parties do once they are connected. `begin` is called again after a restart, and when the ratchets were synchronized.

/** All our texts have their receipts, and all of the peer's are there. */
const talk = {
  begin: (party, connection) => party.talk(connection),
  isDone: ({ book, job }, connection) => {
    const { receipts } = book.get(
      'SELECT count(*) AS receipts FROM written WHERE connection = ? AND receipt',
      connection,
    )
    return receipts === job.count && new Set(book.texts(connection)).size === job.count
  },
}

export const actions = { talk }
