// npm test: set-up, build, type check, lint, vectors, and all tests. The last line is the plain count.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { run } from './children.mjs'
import { exitWith, tell } from './program.mjs'
import { build, install, root, SetupError } from './setup.mjs'

const usage = `Usage: npm test [-- PATTERN…]
       npm run test:long [-- PATTERN…]
       npm run test:integration [-- PATTERN…]

Builds everything, checks types and style, and runs the vectors and all tests. With PATTERN, a part of a test file's
path, it builds and runs only those test files.

test:long does the same with all volumes, which takes most of an hour: processes are killed at every point, not at some of
them, and agents exchange ten times as many messages, over PostgreSQL, too. FULL_VOLUME=1 in the environment tells the tests.

test:integration runs the wire integration tests: against the embedded server, or against SMP_SERVER=smp://… (and
SMP_SERVER_2=… for proxying) from the environment. NTF_SERVER=ntf://… and APNS_LOG=FILE, to which that server's stand-in for
APNs writes one {path, headers, body} a line, point the tests of the NTF protocol at any server, NTF_SERVER_2=… at a second one;
NTF_PROVIDER=AT|AP|AD is what they take.
`

const total = { passed: 0, failed: 0, skipped: [] }
const summary = []

function node(script, args, options) {
  return run(process.execPath, [path.join(root, script), ...args], { cwd: root, ...options })
}

/** Runs one step, which settles with its counts, and prints its name and time. */
async function step(name, work) {
  process.stdout.write(`\n=== ${name}\n`)
  const start = Date.now()
  const counts = await work()
  const line = `${counts.failed === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`
  process.stdout.write(`--- ${line}\n`)
  summary.push(line)
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped.push(...(counts.skipped ?? []))
  return counts.failed === 0
}

const one = (ok) => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1 })

async function tool(script, args) {
  return one((await node(script, args)).code === 0)
}

async function buildAll() {
  try {
    await build()
    return one(true)
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    process.stdout.write(`${error.message}\n`)
    return one(false)
  }
}

/** The counts that a program printed as its last line; a program that ends badly has failed whatever it printed. */
async function vectors() {
  const { code, output } = await node('scripts/vectors/dist/main.js', [], { capture: true })
  const [, passed, failed] = /(\d+) passed, (\d+) failed\n$/.exec(output) ?? [undefined, 0, 0]
  return { passed: Number(passed), failed: Math.max(Number(failed), code === 0 ? 0 : 1) }
}

async function vitest(args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'test-counts-'))
  const remove = () => fs.rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  const file = path.join(folder, 'counts.json')
  const reporters = ['--reporter=default', `--reporter=${path.join(root, 'scripts/counting-reporter.mjs')}`]
  // This loader writes nothing into node_modules, which may be another user's.
  const options = ['run', '--configLoader=runner', ...reporters]
  const { code } = await node('node_modules/vitest/vitest.mjs', [...options, ...args], {
    env: { ...process.env, COUNTS_FILE: file },
  })
  const counts = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : one(false)
  return { ...counts, failed: Math.max(counts.failed, code === 0 ? 0 : 1) }
}

async function steps(args) {
  const integration = args.includes('--integration')
  const patterns = args.filter((arg) => arg !== '--integration' && arg !== '--long')
  if (args.includes('--long')) process.env.FULL_VOLUME = '1'
  await install()
  const built = await step('build', buildAll)
  if (integration) {
    if (built) await step('integration tests', () => vitest(['--project=integration', ...patterns]))
  } else if (patterns.length > 0) {
    if (built) await step('tests', () => vitest(patterns))
  } else {
    await step('type check', () => tool('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.tests.json']))
    await step('lint and format', () => tool('node_modules/@biomejs/biome/bin/biome', ['check', '.']))
    if (built) await step('vectors', vectors)
    if (built) await step('tests', () => vitest([]))
  }
}

function report() {
  process.stdout.write('\n')
  for (const { name, reason } of total.skipped) process.stdout.write(`skipped: ${name} (${reason})\n`)
  for (const line of summary) process.stdout.write(`${line}\n`)
  const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : ''
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`)
}

await exitWith(async () => {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return 0
  }
  try {
    await steps(args)
  } catch (error) {
    tell(error)
    total.failed++
  }
  report()
  return total.failed === 0 ? 0 : 1
})
