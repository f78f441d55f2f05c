import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readPackages, root } from './imports.js'
import { browserGraph } from './module-graph.js'

/** Entries that run in a browser although the rest of their package does not. */
const more = [
  ['packages/ntf-protocol', '.'],
  ['packages/ntf-protocol', './internal'],
  ['packages/push-providers', './payload'],
  ['packages/smp-agent', './links'],
] as const

const entries = readPackages()
  .filter(({ manifest }) => manifest.smpkit?.runtime === 'any')
  .flatMap(({ folder, manifest }) => Object.keys(manifest.exports ?? {}).map((entry) => [folder, entry] as const))

describe('what a browser loads', () => {
  it('is checked for all the packages that claim to run there', () => {
    const names = ['encoding', 'crypto', 'smp-commands', 'smp-client', 'ratchet'].map((name) => `packages/${name}`)
    expect(entries.map(([folder]) => folder)).toEqual(expect.arrayContaining(names))
    expect(entries).toContainEqual(['packages/smp-commands', './address'])
  })

  it.each([...entries, ...more])('of %s %s has no module of Node', (folder, entry) => {
    const graph = browserGraph(path.join(root, folder), entry)
    expect(graph.impure).toEqual([])
    expect(graph.files.size).toBeGreaterThan(0)
  })
})

describe('the walk', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'browser graph '))
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  /** Writes a package with these files and walks its main entry. */
  function walk(manifest: object, files: Record<string, string>) {
    const made = fs.mkdtempSync(path.join(folder, 'made-'))
    const all = { 'package.json': JSON.stringify({ name: 'made', exports: './a.js', ...manifest }), ...files }
    for (const [file, text] of Object.entries(all)) {
      fs.mkdirSync(path.dirname(path.join(made, file)), { recursive: true })
      fs.writeFileSync(path.join(made, file), text)
    }
    return browserGraph(made, '.')
  }

  it.each(["import 'node:fs'", "import { readFileSync } from 'fs'", "const a = () => import('node:net')"])(
    'finds %s behind another file',
    (text) => {
      const { impure } = walk({}, { 'a.js': "export { b } from './b.js'", 'b.js': text })
      expect(impure).toHaveLength(1)
      expect(impure[0]?.slice(0, 2)).toEqual(['a.js', 'b.js'])
    },
  )

  it('follows the imports map by the conditions of a browser', () => {
    const imports = { '#platform': { node: './node.js', default: './web.js' } }
    const files = { 'a.js': "import '#platform'", 'node.js': "import 'node:fs'", 'web.js': '' }
    expect(walk({ imports }, files).impure).toEqual([])
    expect(walk({ imports: { '#platform': './node.js' } }, files).impure).toEqual([['a.js', 'node.js', 'node:fs']])
  })

  it('follows dependencies through their exports maps', () => {
    const exports = { './*.js': { browser: './browser/*.js', default: './*.js' } }
    const files = {
      'a.js': "import 'other/x.js'",
      'node_modules/other/package.json': JSON.stringify({ name: 'other', exports }),
      'node_modules/other/x.js': '',
      'node_modules/other/browser/x.js': "import 'crypto'",
    }
    expect(walk({}, files).impure).toEqual([['a.js', 'node_modules/other/browser/x.js', 'crypto']])
  })

  it('does not take a missing module for a pure one', () => {
    expect(() => walk({}, { 'a.js': "import 'not-there'" })).toThrow('not installed')
    expect(() => walk({}, { 'a.js': "import './not-there.js'" })).toThrow('ENOENT')
  })
})
