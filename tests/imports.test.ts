import { describe, expect, it } from 'vitest'
import {
  type Allowed,
  fileEdges,
  findCycle,
  importProblems,
  importsOf,
  type Package,
  packageEdges,
  reachable,
  readPackages,
} from './imports.js'

/** The table of packages: an arrow only goes down. A package may also import what those may import. */
const allowed: Allowed = {
  encoding: [],
  crypto: ['encoding'],
  'smp-commands': ['crypto'],
  'smp-transport': ['smp-commands'],
  'smp-client': ['smp-commands'],
  'smp-server': ['smp-transport'],
  ratchet: ['crypto'],
  'agent-store': ['crypto'],
  'smp-agent': ['ratchet', 'smp-client', 'agent-store'],
  'service-protocol': ['encoding'],
  'ntf-protocol': ['smp-commands', 'smp-transport'],
  'push-providers': ['smp-commands'],
  'notification-server': ['smp-agent', 'service-protocol', 'ntf-protocol', 'push-providers'],
  'notification-client': ['smp-agent', 'service-protocol', 'ntf-protocol', 'push-providers'],
}

/** Node's default connection is the one place where the client knows the transport. */
const exceptions: Allowed = { 'smp-client/src/default-connect-node.ts': ['smp-transport'] }

const packages = readPackages()

describe('imports', () => {
  it('go only down, to entries of declared packages', () => {
    expect(importProblems(packages, allowed, exceptions)).toEqual([])
  })

  it('make no cycle between packages', () => {
    expect(findCycle(packageEdges(packages))).toBeUndefined()
  })

  it.each(packages.map((item) => [item.folder, item] as const))('make no cycle between the files of %s', (_, item) => {
    expect(findCycle(fileEdges(item))).toBeUndefined()
  })
})

function made(folder: string, name: string, dependencies: string[], sources: Record<string, string>): Package {
  return {
    folder,
    manifest: {
      name,
      exports: { '.': {}, './internal': {} },
      dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, 'workspace:*'])),
    },
    sources: Object.entries(sources).map(([path, text]) => ({ path, text })),
  }
}

describe('the check of imports', () => {
  const encoding = made('packages/encoding', '@smpkit/encoding', [], {})
  const cryptoWith = (text: string, file = 'src/a.ts', dependencies = ['@smpkit/encoding']) =>
    made('packages/crypto', '@smpkit/crypto', dependencies, { [file]: text })
  const problemsOf = (...made: Package[]) => importProblems(made, allowed)

  it('accepts an import downwards, also of internals', () => {
    const text = "import { a } from '@smpkit/encoding'\nexport { b } from '@smpkit/encoding/internal'"
    expect(problemsOf(encoding, cryptoWith(text))).toEqual([])
  })

  it('refuses an upward import in a source and in package.json', () => {
    const upward = made('packages/encoding', '@smpkit/encoding', ['@smpkit/crypto'], {
      'src/a.ts': "const b = await import('@smpkit/crypto')",
    })
    expect(problemsOf(upward, cryptoWith(''))).toEqual([
      'packages/encoding: package.json depends on @smpkit/crypto, which is not below it',
      'packages/encoding/src/a.ts: @smpkit/crypto is not below this package',
    ])
  })

  it.each([
    ["import '@smpkit/encoding/dist/reader.js'", 'is not an entry of that package'],
    ["import type { A } from '../../encoding/src/reader.js'", 'leaves the package'],
    ["import '@noble/hashes/sha2.js'", 'is not declared in package.json'],
    ["import '#platform'", 'is not in the imports map'],
  ])('refuses %s', (text, why) => {
    expect(problemsOf(encoding, cryptoWith(text))).toEqual([expect.stringContaining(why)])
  })

  it('refuses what package.json does not declare, and a package without a row', () => {
    expect(problemsOf(encoding, cryptoWith("import '@smpkit/encoding'", 'src/a.ts', []))).toHaveLength(1)
    expect(problemsOf(made('packages/new', '@smpkit/new', [], {}))).toEqual([
      'packages/new: not in the table of packages',
    ])
  })

  it('lets only the named file use an exception', () => {
    const transport = made('packages/smp-transport', '@smpkit/smp-transport', [], {})
    const clientWith = (file: string) =>
      made('packages/smp-client', '@smpkit/smp-client', ['@smpkit/smp-transport'], {
        [file]: "import '@smpkit/smp-transport'",
      })
    expect(importProblems([transport, clientWith('src/default-connect-node.ts')], allowed, exceptions)).toEqual([])
    expect(importProblems([transport, clientWith('src/pool.ts')], allowed, exceptions)).toHaveLength(1)
  })

  it('lets tests import their own devDependencies, but not those of others', () => {
    const test = cryptoWith("import { it } from 'vitest'\nimport '@smpkit/encoding'", 'src/a.test.ts', [])
    expect(problemsOf(encoding, test)).toEqual([expect.stringContaining('@smpkit/encoding is not declared')])
    const devDependencies = { '@smpkit/encoding': 'workspace:*' }
    expect(problemsOf(encoding, { ...test, manifest: { ...test.manifest, devDependencies } })).toEqual([])
  })

  it('finds a cycle between packages, between files, and in the table', () => {
    const above = made('packages/encoding', '@smpkit/encoding', [], { 'src/a.ts': "import '@smpkit/crypto'" })
    const cycle = findCycle(packageEdges([above, cryptoWith("import '@smpkit/encoding'")]))
    expect(cycle).toEqual(['@smpkit/encoding', '@smpkit/crypto', '@smpkit/encoding'])
    const files = made('packages/encoding', '@smpkit/encoding', [], {
      'src/a.ts': "import { b } from './b.js'\nb()",
      'src/b.ts': "export * from './a.js'",
      'src/c.ts': "import type { A } from './a.js'",
    })
    expect(findCycle(fileEdges(files))).toEqual(['src/a.ts', 'src/b.ts', 'src/a.ts'])
    expect(() => reachable({ a: ['b'], b: ['a'] }, 'a')).toThrow('a → b → a')
  })

  it('sees static, type-only, re-exporting and dynamic imports', () => {
    const text = "import 'a'; import type { B } from 'b'; export { c } from 'c'; const d = () => import('d')"
    expect(importsOf(text)).toEqual(['a', 'b', 'c', 'd'])
  })
})
