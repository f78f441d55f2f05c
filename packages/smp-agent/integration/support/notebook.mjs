// What the application of a party keeps, in a database of its own: it survives the process, as the agent's does.
import Database from 'better-sqlite3'

const layout = `
  CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS connected (connection TEXT PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS received (connection TEXT, id INTEGER, text TEXT NOT NULL, acked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (connection, id));
  CREATE TABLE IF NOT EXISTS written (connection TEXT, n INTEGER, id INTEGER, again INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0, receipt INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (connection, n));
  CREATE TABLE IF NOT EXISTS problems (text TEXT NOT NULL);
`

export class Notebook {
  #database
  #statements = new Map()

  constructor(file) {
    this.#database = new Database(file)
    // The process is killed, not the machine.
    this.#database.pragma('journal_mode = WAL')
    this.#database.pragma('synchronous = OFF')
    this.#database.exec(layout)
  }

  #prepared(sql) {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  run(sql, ...values) {
    return this.#prepared(sql).run(...values)
  }

  get(sql, ...values) {
    return this.#prepared(sql).get(...values)
  }

  all(sql, ...values) {
    return this.#prepared(sql).all(...values)
  }

  note(key, value = 'yes') {
    this.run('INSERT INTO notes VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value', key, value)
  }

  noted(key) {
    return this.get('SELECT value FROM notes WHERE key = ?', key)?.value
  }

  /** Something that must not happen. */
  problem(text) {
    this.run('INSERT INTO problems VALUES (?)', text)
  }

  connections() {
    return this.all('SELECT connection FROM connected ORDER BY rowid').map(({ connection }) => connection)
  }

  /** By connection, in the order in which they came. */
  texts(connection) {
    return this.all('SELECT text FROM received WHERE connection = ? ORDER BY rowid', connection).map(({ text }) => text)
  }

  receivedCount() {
    return this.get('SELECT count(*) AS count FROM received').count
  }

  /**
   * What the test looks at: the texts that each connection brought, those that may have been sent twice because the result of `send` was
   * not heard, what went wrong; for people, what is known of the texts that were sent.
   */
  summary() {
    return {
      texts: this.connections().map((connection) => this.texts(connection)),
      again: this.all('SELECT connection, n FROM written WHERE again > 0').map(
        ({ connection, n }) => `${connection} ${n}`,
      ),
      written: this.all('SELECT n, id, sent, receipt FROM written'),
      problems: this.all('SELECT text FROM problems').map(({ text }) => text),
    }
  }

  close() {
    this.#database.close()
  }
}
