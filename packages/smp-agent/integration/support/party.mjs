// One party of a conversation: an agent, and an application that keeps what it knows in a database of its own. It is written as the
// documentation tells applications to be: what has no known result is asked for again, and an event is acknowledged after it was dealt with.
import { openAgent } from '@smpkit/smp-agent'
import { actions } from './actions.mjs'
import { Notebook } from './notebook.mjs'
import { roles } from './roles.mjs'
import { openStorage } from './storages.mjs'
import { bytes, textOf } from './text.mjs'

/** A server that is away is found again at once. */
const quick = {
  pool: { reconnect: { firstDelay: 20, maxDelay: 100 } },
  retry: { fast: { first: 50, growAfter: 1000, max: 500 } },
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

export class Party {
  agent
  book
  job
  isClosing = false
  #store
  #release
  #onLink
  #onDone
  #isTold = false
  #look
  #running = []
  #starting = Promise.resolve()
  #talking = new Map()

  /**
   * `job`: see `party.d.mts`. `wrapStore` and `connect` are for faults. `onLink` hears of links, `onDone` when all of the job is done.
   */
  static async open(job, { wrapStore = (store) => store, connect, onLink = () => {}, onDone = () => {} } = {}) {
    const party = new Party()
    party.job = job
    party.#onLink = onLink
    party.#onDone = onDone
    party.book = new Notebook(job.bookFile)
    const { store, release } = await openStorage(job.storage)
    party.#store = store
    party.#release = release
    party.agent = await openAgent({
      store: wrapStore(store),
      servers: job.servers,
      ...quick,
      ...(connect && { connect }),
    })
    party.#go(party.#readEvents())
    party.#start()
    for (const connection of party.book.connections()) party.#begin(connection)
    party.changed()
    return party
  }

  /** Goes on with other actions. */
  act(actions) {
    this.job = { ...this.job, actions }
    this.#isTold = false
    for (const connection of this.book.connections()) this.#begin(connection)
    this.changed()
  }

  tellLink(link, key) {
    this.#onLink(link, key)
  }

  /** One more to talk to. */
  join(key, link) {
    this.job = { ...this.job, joins: [...(this.job.joins ?? []), { key, link }] }
    this.#start()
  }

  #start() {
    this.#starting = this.#starting.then(() => roles[this.job.role].start(this))
    this.#go(this.#starting)
  }

  #go(work) {
    this.#running.push(
      work.catch((error) => {
        if (!this.isClosing) this.book.problem(String(error?.stack ?? error))
      }),
    )
  }

  #begin(connection) {
    for (const action of this.job.actions) this.#go(actions[action].begin(this, connection))
  }

  /** Tries again what may succeed later. */
  async again(work) {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!error.temporary || this.isClosing) throw error
        await pause(50)
      }
    }
  }

  /**
   * Does something once, as far as that can be known: what was begun and has no result is begun again. `codes`: what it fails with where it
   * has happened before.
   */
  async once(key, work, ...codes) {
    const known = this.book.noted(key)
    if (known !== undefined) return known
    const isRepeated = this.book.noted(`begun ${key}`) !== undefined
    this.book.note(`begun ${key}`)
    if (isRepeated) this.book.note(`repeated ${key}`)
    const result = await this.again(work).catch((error) => {
      if (!isRepeated || !codes.includes(error.code)) throw error
    })
    this.book.note(key, result ?? 'done')
    this.changed()
    return result
  }

  /** Sends what has not been sent to a connection; one at a time. */
  talk(connection) {
    const work = (this.#talking.get(connection) ?? Promise.resolve()).then(() => this.#talk(connection))
    this.#talking.set(connection, work)
    return work
  }

  async #talk(connection) {
    const { book, agent } = this
    for (let n = 1; n <= this.job.count; n++) {
      const row = book.get('SELECT id FROM written WHERE connection = ? AND n = ?', connection, n)
      if (row?.id) continue
      if (row) book.run('UPDATE written SET again = again + 1 WHERE connection = ? AND n = ?', connection, n)
      else book.run('INSERT INTO written (connection, n) VALUES (?, ?)', connection, n)
      try {
        const id = await this.again(() => agent.send(connection, bytes(`${this.job.name} ${connection} ${n}`)))
        book.run('UPDATE written SET id = ? WHERE connection = ? AND n = ?', id, connection, n)
      } catch (error) {
        if (error.code !== 'SYNCHRONIZATION') throw error
        // Nothing was stored: it goes on when the ratchets are synchronized.
        if (!row) book.run('DELETE FROM written WHERE connection = ? AND n = ?', connection, n)
        return
      }
    }
  }

  async #readEvents() {
    try {
      for await (const event of this.agent.events()) await this.#on(event)
    } catch (error) {
      if (!this.isClosing) throw error
    }
    if (!this.isClosing) throw new Error('the agent has ended', { cause: await this.agent.closed })
  }

  async #on(event) {
    const handle = roles[this.job.role].on[event.type] ?? this.#handlers[event.type]
    if (handle) await handle(this, event)
    // A message is acknowledged with a receipt by its handler.
    if (event.type !== 'message') await event.ack()
    this.changed()
  }

  #handlers = {
    connected: (_, { connection }) => {
      this.book.run('INSERT INTO connected VALUES (?) ON CONFLICT DO NOTHING', connection)
      this.#begin(connection)
    },
    message: (_, event) => this.#onMessage(event),
    sent: (_, { connection, id }) => {
      this.book.run('UPDATE written SET sent = 1 WHERE connection = ? AND id = ?', connection, id)
    },
    receipt: (_, { connection, id, status }) => {
      if (status !== 'received') this.book.problem(`a receipt told ${status}`)
      this.book.run('UPDATE written SET receipt = 1 WHERE connection = ? AND id = ?', connection, id)
    },
    synchronization: (_, { connection, state }) => {
      if (state !== 'ok') return
      this.book.note(`synchronized ${connection}`)
      this.#begin(connection)
    },
    switch: (_, { connection, side, phase }) => this.book.note(`switch ${connection} ${side} ${phase}`),
    notifications: (_, { connection, enabled }) => {
      this.book.note(`notifications ${connection} ${enabled ? 'on' : 'off'}`)
      this.#begin(connection)
    },
    deleted: (_, { connection }) => this.book.note(`deleted ${connection}`),
    error: (_, { code, reason }) => this.book.problem(`error ${code}: ${reason}`),
    failed: (_, { code, reason }) => this.book.problem(`failed ${code}: ${reason}`),
    notSent: (_, { code, reason }) => this.book.problem(`not sent ${code}: ${reason}`),
  }

  async #onMessage(event) {
    const { book } = this
    const { connection, id, integrity, redelivered } = event
    const text = textOf(event.body)
    const known = book.get('SELECT text, acked FROM received WHERE connection = ? AND id = ?', connection, id)
    if (known?.acked) book.problem(`"${text}" came after it was acknowledged`)
    if (known && !redelivered) book.problem(`"${text}" came again and was not marked so`)
    if (known && known.text !== text) book.problem(`"${text}" came with the id of "${known.text}"`)
    if (integrity !== 'OK') book.problem(`"${text}" came with ${integrity}`)
    const { careless, receipts: receipt = true } = this.job
    if (careless) await event.ack({ receipt })
    if (!known) book.run('INSERT INTO received (connection, id, text) VALUES (?, ?, ?)', connection, id, text)
    if (!careless) await event.ack({ receipt })
    book.run('UPDATE received SET acked = 1 WHERE connection = ? AND id = ?', connection, id)
  }

  isDone() {
    const { actions: todo, connections: count = 1 } = this.job
    const connections = this.book.connections()
    const isDone = (connection) => todo.every((action) => actions[action].isDone(this, connection))
    return connections.filter(isDone).length >= count
  }

  /** Something has changed: looks a little later whether all is done. */
  changed() {
    if (this.#isTold) return
    this.#look ??= setTimeout(() => {
      this.#look = undefined
      if (this.#isTold || this.isClosing || !this.isDone()) return
      this.#isTold = true
      this.#onDone()
    }, 20)
  }

  /** Whether the agent has nothing left to do. */
  async isQuiet() {
    for (const table of ['commands', 'deliveries', 'events']) {
      for await (const page of this.#store.pages(table)) if (page.length > 0) return false
    }
    return true
  }

  async close() {
    this.isClosing = true
    clearTimeout(this.#look)
    await this.agent.close()
    await this.#store.close()
    await this.#release()
    await Promise.all(this.#running)
    this.book.close()
  }
}
