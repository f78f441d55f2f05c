import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from './imports.js'

const children = path.join(root, 'scripts/children.mjs')
const lock = path.join(root, 'scripts/lock.mjs')
const url = (file: string) => JSON.stringify(`file://${encodeURI(file)}`)

let folder: string
const started: ChildProcess[] = []

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'processes of scripts '))
})

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  fs.rmSync(folder, { recursive: true, force: true })
})

/** Runs a module's text in a process of its own; `ended` settles with its exit code or signal. */
function start(text: string, env: NodeJS.ProcessEnv = process.env) {
  const file = path.join(folder, `${started.length}.mjs`)
  fs.writeFileSync(file, text)
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], env })
  started.push(child)
  let output = ''
  child.stdout?.on('data', (bytes) => {
    output += bytes
  })
  const ended = new Promise<number | string | null>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  return { child, ended, output: () => output }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  // A process that ended and that nobody waited for still has its number.
  const stat = fs.existsSync(`/proc/${pid}/stat`) ? fs.readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z'
}

async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** A program that starts a child, which starts a grandchild and tells both process ids, and lasts until it is ended. */
function family({ stubborn = false } = {}) {
  const ignore = stubborn ? "for (const s of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(s, () => {})" : ''
  const lasting = `${ignore}; setInterval(() => {}, 1000)`
  const childText = `${lasting}
    const { spawn } = await import('node:child_process')
    const grandchild = spawn(process.execPath, ['-e', ${JSON.stringify(lasting)}], { stdio: 'inherit' })
    process.stdout.write(process.pid + ' ' + grandchild.pid + '\\n')`
  return `import { run } from ${url(children)}
    await run(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(childText)}])`
}

async function startFamily(text: string, env?: NodeJS.ProcessEnv) {
  const parent = start(text, env)
  await until(() => parent.output().includes('\n'))
  const pids = parent.output().trim().split(' ').map(Number)
  expect(pids.every(isAlive)).toBe(true)
  return { ...parent, pids }
}

describe('a root command', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends all its descendants on %s and exits with %i', async (signal, code) => {
    const { child, ended, pids } = await startFamily(family())
    child.kill(signal)
    expect(await ended).toBe(code)
    await until(() => !pids.some(isAlive))
  })

  it('kills descendants that do not end', async () => {
    const { child, ended, pids } = await startFamily(family({ stubborn: true }))
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
    await until(() => !pids.some(isAlive))
  })

  it('kills them at once at a second signal', async () => {
    const { child, ended, pids } = await startFamily(family({ stubborn: true }))
    child.kill('SIGINT')
    child.kill('SIGTERM')
    // Without the second one it would be 130.
    expect(await ended).toBe(143)
    await until(() => !pids.some(isAlive))
  })

  it('takes a signal that npm sends on, too, for one', async () => {
    const polite = `process.on('SIGINT', () => setTimeout(() => { console.log('bye'); process.exit() }, 300))
      setInterval(() => {}, 1000); console.log(process.pid)`
    const parent = start(`import { run } from ${url(children)}; await run(process.execPath, ['-e', \`${polite}\`])`)
    await until(() => parent.output().includes('\n'))
    parent.child.kill('SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 50))
    parent.child.kill('SIGINT')
    expect(await parent.ended).toBe(130)
    expect(parent.output()).toContain('bye')
  })

  it('ends when the npm above it is gone', async () => {
    const middle = `import { spawn } from 'node:child_process'
      spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(family())}], { stdio: 'inherit' })`
    const { child, pids } = await startFamily(middle, { ...process.env, npm_lifecycle_event: 'demo' })
    child.kill('SIGKILL')
    await until(() => !pids.some(isAlive))
  })

  it('ends when the npm above it was gone before it started', async () => {
    // The group of the process that starts it is not its own, as that of the process that takes in orphans.
    const orphan = `import { spawn } from 'node:child_process'
      const child = spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(family())}], {
        stdio: 'inherit',
        detached: true,
      })
      child.on('exit', (code) => process.exit(code))`
    const { ended, pids } = await startFamily(orphan, { ...process.env, npm_lifecycle_event: 'demo' })
    expect(await ended).toBe(129)
    await until(() => !pids.some(isAlive))
  })

  it('ends what a child has left behind', async () => {
    const leave = `const { spawn } = await import('node:child_process')
      const left = spawn('sleep', ['1000'], { stdio: 'ignore' }); left.unref(); console.log(left.pid)`
    const { ended, output } = start(`import { run } from ${url(children)}
      const { code } = await run(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(leave)}])
      process.exitCode = code + 7`)
    expect(await ended).toBe(7)
    await until(() => !isAlive(Number(output())))
  })
})

describe('the lock of the set-up', () => {
  /** Holds the lock for a while and writes when it began and ended. */
  const holder = (ms: number) => `import { withLock } from ${url(lock)}
    import fs from 'node:fs'
    const log = (text) => fs.appendFileSync(${JSON.stringify(path.join(folder, 'log'))}, text + '\\n')
    await withLock(${JSON.stringify(path.join(folder, 'state', 'lock'))}, () => log('wait'), async () => {
      log('begin')
      await new Promise((resolve) => setTimeout(resolve, ${ms}))
      log('end')
    })`
  const lines = () => (fs.existsSync(path.join(folder, 'log')) ? fs.readFileSync(path.join(folder, 'log'), 'utf8') : '')
  const work = () => lines().match(/begin|end/g) ?? []

  it('lets one process work at a time', async () => {
    const all = Array.from({ length: 6 }, () => start(holder(50)))
    expect(await Promise.all(all.map(({ ended }) => ended))).toEqual([0, 0, 0, 0, 0, 0])
    expect(work()).toEqual(Array.from({ length: 6 }, () => ['begin', 'end']).flat())
    expect(fs.readdirSync(path.join(folder, 'state'))).toEqual([])
  })

  it('is taken over from a process that was killed', async () => {
    const first = start(holder(1_000_000))
    await until(() => work().length === 1)
    first.child.kill('SIGKILL')
    await first.ended
    const all = Array.from({ length: 4 }, () => start(holder(50)))
    expect(await Promise.all(all.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
    expect(work()).toEqual(['begin', ...Array.from({ length: 4 }, () => ['begin', 'end']).flat()])
  })
})
