// Child processes in groups of their own, so that nothing outlives a root command.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'

/** How long a group may take to end after a signal, in milliseconds. */
const grace = 5000
/** A terminal sends a signal to us and to npm, which sends it on to us: within this time that is one. */
const echo = 500
const groups = new Set()
/** The signal that told this process to end, and when. */
let stopping

/**
 * Runs a program with stdin closed and settles with `{ code, output }` when it has ended: `output` is what it wrote to
 * stdout with `capture`, which also passes it on. Does not settle once this process was told to end.
 */
export function run(file, args, { cwd, env, stdout = 'inherit', capture = false } = {}) {
  return new Promise((resolve, reject) => {
    if (stopping) return
    const child = spawn(file, args, {
      cwd,
      env: env ?? process.env,
      detached: true,
      stdio: ['ignore', capture ? 'pipe' : stdout, 'inherit'],
    })
    let output = ''
    child.stdout?.on('data', (bytes) => {
      output += bytes
      process.stdout.write(bytes)
    })
    child.on('error', (error) => stopping || reject(error))
    if (child.pid === undefined) return
    groups.add(child.pid)
    child.on('exit', () => stopping || signalGroup(child.pid, 'SIGKILL'))
    child.on('close', (code, signal) => {
      if (stopping) return
      groups.delete(child.pid)
      resolve({ code: code ?? exitCode(signal), output })
    })
  })
}

/** The exit code by which a shell tells that a signal ended a process. */
function exitCode(signal) {
  return 128 + (os.constants.signals[signal] ?? 0)
}

function signalGroup(group, signal) {
  try {
    process.kill(-group, signal)
    return true
  } catch {
    return false
  }
}

/** Whether a group has processes. One that ended counts until its parent asks for it, which is seen only on Linux. */
function isAlive(group) {
  if (!signalGroup(group, 0)) return false
  if (process.platform !== 'linux') return true
  return fs.readdirSync('/proc').some((pid) => {
    const found = statOf(pid)
    return found?.group === group && found.state !== 'Z'
  })
}

/** What Linux says of a process, `undefined` elsewhere. */
function statOf(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, group: Number(group) }
  } catch {
    return undefined
  }
}

function stop(signal) {
  const end = () => process.exit(exitCode(signal))
  const killAll = () => {
    for (const group of groups) signalGroup(group, 'SIGKILL')
    end()
  }
  const now = Date.now()
  if (stopping) {
    // A second signal means: at once.
    if (signal !== stopping.signal || now - stopping.since > echo) killAll()
    return
  }
  stopping = { signal, since: now }
  for (const group of groups) signalGroup(group, signal)
  const deadline = now + grace
  const check = () => {
    for (const group of groups) if (!isAlive(group)) groups.delete(group)
    if (groups.size === 0) end()
    else if (Date.now() >= deadline) killAll()
    else setTimeout(check, 20)
  }
  check()
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal))
// The reader of our output went away.
process.stdout.on('error', () => stop('SIGPIPE'))

// npm does not forward every signal, and cannot forward SIGKILL: notice that it is gone. It was gone before we started
// where our parent is not in our process group.
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = statOf(process.ppid)?.group === statOf(process.pid)?.group ? process.ppid : undefined
  setInterval(() => {
    if (process.ppid !== parent && !stopping) stop('SIGHUP')
  }, 250).unref()
}
