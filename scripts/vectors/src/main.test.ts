import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'vector command '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the built command on one file with these cases. */
function run(cases: object[], ...args: string[]) {
  const content = { schema: 'smpkit-vectors/1', suite: 'encoding', cases }
  writeFileSync(path.join(folder, 'made.json'), JSON.stringify(content))
  const { status, stdout } = spawnSync(process.execPath, [main, folder, ...args], { encoding: 'utf8' })
  const lines = stdout.trimEnd().split('\n')
  return { status, last: lines.at(-1), stdout }
}

const good = { id: 'good', op: 'encode', type: 'word16', value: 5, bytes: '0005' }
const bad = { id: 'bad', op: 'encode', type: 'word16', value: 5, bytes: '0006' }

it('ends with the count and 0 when all passed', () => {
  expect(run([good])).toMatchObject({ status: 0, last: '1 passed, 0 failed' })
  expect(run([good], '--suite', 'encoding')).toMatchObject({ status: 0, last: '1 passed, 0 failed' })
})

it('ends with 1 on a failure, and shows its bytes with --verbose', () => {
  expect(run([good, bad])).toMatchObject({ status: 1, last: '1 passed, 1 failed' })
  expect(run([bad]).stdout).toContain('bad: bytes: expected "0006", got "0005"')
  expect(run([bad], '--verbose').stdout).toMatch(/expected +0 {2}00 06\n +actual +0 {2}00 05\n +\^\^\n/)
})

it('ends with 1 when nothing was run', () => {
  const nothing = { status: 1, last: '0 passed, 0 failed', stdout: expect.stringContaining('nothing was run') }
  expect(run([])).toMatchObject(nothing)
  expect(run([good], '--suite', 'other')).toMatchObject(nothing)
})

it('ends with 1 on a folder that is not there and on an unknown option', () => {
  expect(run([good], path.join(folder, 'missing'))).toMatchObject({ status: 1, last: '0 passed, 1 failed' })
  expect(run([good], '--what')).toMatchObject({ status: 1, last: '0 passed, 1 failed' })
})
