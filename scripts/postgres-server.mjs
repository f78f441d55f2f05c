// A PostgreSQL server of its own for the program that starts this one, see postgres.mjs. It lives as long as our stdin is open:
// however that program ends, the server ends with it and its folder is removed. Lines on stdin: `halt`, `resume`; each is answered
// by a line of JSON on stdout, as is the start.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { postgresBinaries } from './postgres-binaries.mjs'

const options = process.argv.slice(2)
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smpkit-postgres-'))
const data = path.join(folder, 'data')
const log = path.join(folder, 'log')
let server
let port

/** PostgreSQL refuses to run as root: then as the user that it has on most machines, or as nobody. */
function unprivileged() {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }))
    if (uid.status === 0 && gid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  throw new Error('this is root, and there is neither a user postgres nor a user nobody to run PostgreSQL as')
}

const user = unprivileged()
const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
const how = { ...user, env, cwd: folder }

/** Where the other user can run the programs: a checkout in the home of root is closed to it, then in a copy. */
function reachable(binaries) {
  if (spawnSync(binaries.postgres, ['--version'], how).status === 0) return binaries
  const copy = path.join(folder, 'native')
  fs.cpSync(binaries.folder, copy, { recursive: true, verbatimSymlinks: true })
  const within = (file) => path.join(copy, path.relative(binaries.folder, file))
  return { initdb: within(binaries.initdb), postgres: within(binaries.postgres) }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(address.port))
    })
  })
}

function start(binaries) {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '64MB',
    fsync: options.includes('--fsync') ? 'on' : 'off',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // In a group of its own, so that Ctrl-C does not end it before those who use it.
  server = spawn(binaries.postgres, ['-D', data, ...args], {
    ...how,
    detached: true,
    stdio: ['ignore', 'ignore', fs.openSync(log, 'a')],
  })
  const from = fs.statSync(log).size
  const logged = () => fs.readFileSync(log, 'utf8').slice(from)
  return new Promise((resolve, reject) => {
    const poll = setInterval(() => {
      if (!logged().includes('ready to accept connections')) return
      clearInterval(poll)
      resolve()
    }, 10)
    server.on('error', reject)
    server.on('exit', () => {
      clearInterval(poll)
      reject(new Error(`PostgreSQL did not start:\n${logged()}`))
    })
  })
}

function stop(signal) {
  return new Promise((resolve) => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return resolve()
    server.on('exit', resolve)
    server.kill(signal)
  })
}

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

async function main() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
  // Who reads it may be gone already.
  process.stdout.on('error', () => {})
  let commands = Promise.resolve()
  const answered = (work) => {
    commands = commands.then(work).catch((error) => answer({ error: error.message }))
  }
  const ended = new Promise((resolve) => {
    createInterface({ input: process.stdin })
      .on('line', (line) =>
        answered(async () => {
          await (line === 'halt' ? stop('SIGINT') : start(binaries))
          answer({})
        }),
      )
      .on('close', resolve)
  })
  let binaries
  answered(async () => {
    fs.chmodSync(folder, 0o711)
    fs.mkdirSync(data, { mode: 0o700 })
    const password = randomBytes(16).toString('hex')
    const passwordFile = path.join(folder, 'password')
    fs.writeFileSync(passwordFile, password, { mode: 0o600 })
    if (user.uid !== undefined) for (const file of [data, passwordFile]) fs.chownSync(file, user.uid, user.gid)
    binaries = reachable(await postgresBinaries())
    const flags = ['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
    execFileSync(binaries.initdb, [...flags, '--locale=C', '--no-sync', '--no-instructions'], { ...how, stdio: 'pipe' })
    port = await freePort()
    await start(binaries)
    answer({ url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres` })
  })
  await ended
  await commands
  // Nobody needs what is in it.
  await stop('SIGQUIT')
}

try {
  await main()
} finally {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
