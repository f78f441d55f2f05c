import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from './imports.js'

/** A workspace of two projects with our scripts, and an `npx` that notes its calls and installs the compiler. */
let folder: string
const inFolder = (...parts: string[]) => path.join(folder, 'work space', ...parts)

function write(file: string, content: string | object) {
  fs.mkdirSync(path.dirname(inFolder(file)), { recursive: true })
  fs.writeFileSync(inFolder(file), typeof content === 'string' ? content : JSON.stringify(content))
}

function writeProject(project: string, references: string[], sources: Record<string, string>) {
  write(`${project}/package.json`, { name: path.basename(project), type: 'module' })
  write(`${project}/tsconfig.json`, {
    extends: path.relative(project, 'tsconfig.base.json'),
    compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' },
    include: ['src'],
    references: references.map((reference) => ({ path: path.relative(project, reference) })),
  })
  for (const [name, text] of Object.entries(sources)) write(`${project}/src/${name}`, text)
}

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'set-up '))
  for (const name of ['children', 'lock', 'setup', 'program', 'demo']) {
    write(`scripts/${name}.mjs`, fs.readFileSync(path.join(root, `scripts/${name}.mjs`), 'utf8'))
  }
  write('package.json', { packageManager: 'pnpm@1.2.3', type: 'module' })
  write('pnpm-workspace.yaml', 'packages:\n  - packages/*\n  - examples/*\n')
  write('pnpm-lock.yaml', 'lock\n')
  write('tsconfig.base.json', {
    compilerOptions: { target: 'ES2022', module: 'NodeNext', composite: true, lib: ['ES2022'], types: [] },
  })
  writeProject('packages/a', [], { 'index.ts': 'export const a: number = 1\n', 'more.ts': 'export {}\n' })
  writeProject('examples/demo', ['packages/a'], {
    'index.ts':
      "import { a } from '../../../packages/a/dist/index.js'\ndeclare const console: { log(x: unknown): void }\nconsole.log(a)\n",
  })
  const npx = path.join(folder, 'bin', 'npx')
  fs.mkdirSync(path.dirname(npx))
  const compiler = path.join(root, 'node_modules/typescript')
  fs.writeFileSync(
    npx,
    `#!/bin/sh
echo "$@ cache=$npm_config_cache" >> ${JSON.stringify(path.join(folder, 'calls'))}
echo output of npx
mkdir -p node_modules && ln -sfn ${JSON.stringify(compiler)} node_modules/typescript
exit $NPX_EXIT_CODE
`,
    { mode: 0o755 },
  )
})

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

function demo(env: Record<string, string> = {}) {
  const PATH = `${path.join(folder, 'bin')}:${process.env.PATH}`
  const options = {
    encoding: 'utf8',
    env: { ...process.env, INIT_CWD: folder, PATH, NPX_EXIT_CODE: '0', ...env },
  } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [inFolder('scripts/demo.mjs')], options)
  return { status, stdout, stderr }
}

function calls(): string[] {
  const file = path.join(folder, 'calls')
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd().split('\n') : []
}

const silent = { status: 0, stdout: '1\n', stderr: '' }
const loud = { status: 0, stdout: '1\n', stderr: expect.stringContaining('[setup] building') }

describe('the set-up', () => {
  it('installs and builds before the first run, says so on stderr only, and does nothing before the second', () => {
    const first = demo()
    expect(first).toMatchObject({ status: 0, stdout: '1\n' })
    expect(first.stderr).toMatch(/^\[setup\] installing packages \(first run/)
    expect(first.stderr).toContain('output of npx')
    expect(calls()).toEqual([expect.stringMatching(/^-y pnpm@1\.2\.3 install --frozen-lockfile /)])
    expect(demo()).toEqual(silent)
    expect(calls()).toHaveLength(1)
  })

  it('installs again when the lockfile or a package.json has changed', () => {
    demo()
    write('pnpm-lock.yaml', 'another lock\n')
    expect(demo().status).toBe(0)
    write('packages/b/package.json', { name: 'b' })
    expect(demo().status).toBe(0)
    expect(demo()).toEqual(silent)
    expect(calls()).toHaveLength(3)
  })

  it('does a failed installation again', () => {
    const failed = demo({ NPX_EXIT_CODE: '7' })
    expect(failed).toMatchObject({ status: 1, stdout: '' })
    expect(failed.stderr).toMatch(/\[setup\] installing packages failed \(pnpm's exit code is 7\)\n$/)
    expect(demo().status).toBe(0)
    expect(calls()).toHaveLength(2)
  })

  it('keeps the caches in the checkout where there is no home of ours', () => {
    demo({ HOME: path.join(folder, 'nobody') })
    expect(calls()).toEqual([expect.stringContaining(`cache=${inFolder('.setup/home/npm')}`)])
  })

  it('fails with the output of the compiler on stderr, and builds again when the mistake is gone', () => {
    write('packages/a/src/index.ts', "export const a: number = 'text'\n")
    const failed = demo()
    expect(failed).toMatchObject({ status: 1, stdout: '' })
    expect(failed.stderr).toContain("Type 'string' is not assignable")
    expect(failed.stderr).not.toContain('.mjs:')
    expect(demo().status).toBe(1)
    write('packages/a/src/index.ts', 'export const a: number = 1\n')
    expect(demo()).toEqual(loud)
    expect(demo()).toEqual(silent)
  })

  it('builds a changed source, also one that has an old time', () => {
    demo()
    write('packages/a/src/index.ts', 'export const a: number = 22\n')
    fs.utimesSync(inFolder('packages/a/src/index.ts'), 1, 1)
    expect(demo()).toEqual({ ...loud, stdout: '22\n' })
    expect(demo()).toEqual({ ...silent, stdout: '22\n' })
  })

  it('builds what is missing, and removes what has no source any more', () => {
    demo()
    fs.rmSync(inFolder('packages/a/dist/index.js'))
    expect(demo()).toEqual(loud)
    fs.rmSync(inFolder('packages/a/src/more.ts'))
    expect(demo()).toEqual(loud)
    expect(fs.readdirSync(inFolder('packages/a/dist')).filter((name) => name.startsWith('more'))).toEqual([])
    expect(demo()).toEqual(silent)
  })

  it('passes the exit code of the program on', () => {
    write('examples/demo/src/index.ts', "throw new Error('failed')\n")
    expect(demo()).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('Error: failed') })
  })

  it('names the Node that it needs', () => {
    const text = `Object.defineProperty(process, 'versions', { value: { node: '20.18.3' } })
      await import(${JSON.stringify(inFolder('scripts/demo.mjs'))})`
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' })
    expect(stderr).toBe('[setup] expected Node 20.19 or newer, got 20.18.3: see https://nodejs.org\n')
    expect(status).toBe(1)
  })

  it('prints help without it', () => {
    const { status, stdout } = spawnSync(process.execPath, [inFolder('scripts/demo.mjs'), '--help'], {
      encoding: 'utf8',
    })
    expect(stdout).toMatch(/^Usage: npm run demo/)
    expect(status).toBe(0)
    expect(calls()).toEqual([])
  })
})
