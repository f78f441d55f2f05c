// design.md §2 as a check: who imports whom, from package.json files and from the import statements in the sources.
import fs from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import ts from 'typescript'

export const root = path.resolve(import.meta.dirname, '..')

export interface Manifest {
  name: string
  private?: boolean
  license?: string
  sideEffects?: boolean
  files?: string[]
  exports?: Record<string, { types?: string; default?: string }>
  imports?: Record<string, Record<string, string>>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  smpkit?: { runtime?: string }
}

export interface SourceFile {
  /** Relative to the package's folder, with `/`: `src/index.ts`. */
  readonly path: string
  readonly text: string
}

export interface Package {
  /** Relative to the repository: `packages/encoding`. */
  readonly folder: string
  readonly manifest: Manifest
  readonly sources: readonly SourceFile[]
}

/** What a package may import directly; what those may import is allowed too. */
export type Allowed = Readonly<Record<string, readonly string[]>>

function filesUnder(folder: string): string[] {
  if (!fs.existsSync(folder)) return []
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return []
    const file = path.join(folder, entry.name)
    return entry.isDirectory() ? filesUnder(file) : [file]
  })
}

export function readPackages(): Package[] {
  const parents = ['packages', 'examples']
  const folders = parents.flatMap((parent) =>
    fs.readdirSync(path.join(root, parent)).map((name) => `${parent}/${name}`),
  )
  return [...folders, 'bench', 'scripts/vectors']
    .filter((folder) => fs.existsSync(path.join(root, folder, 'package.json')))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(fs.readFileSync(path.join(root, folder, 'package.json'), 'utf8')),
      sources: filesUnder(path.join(root, folder))
        .filter((file) => file.endsWith('.ts'))
        .map((file) => ({
          path: path.relative(path.join(root, folder), file).split(path.sep).join('/'),
          text: fs.readFileSync(file, 'utf8'),
        })),
    }))
}

/** The specifiers of all imports and exports-from of a source text, also `import()` and type-only ones. */
export function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName)
}

/** `@smpkit/x/internal` → [`@smpkit/x`, `./internal`]. */
export function splitSpecifier(specifier: string): [name: string, entry: string] {
  const parts = specifier.split('/')
  const length = specifier.startsWith('@') ? 2 : 1
  const rest = parts.slice(length).join('/')
  return [parts.slice(0, length).join('/'), rest === '' ? '.' : `./${rest}`]
}

/** All packages that `name` may import, directly or through others; throws on a cycle in the table. */
export function reachable(allowed: Allowed, name: string, above: readonly string[] = []): Set<string> {
  if (above.includes(name)) throw new Error(`the table has a cycle: ${[...above, name].join(' → ')}`)
  const direct = allowed[name]
  if (!direct) throw new Error(`the table has no row for ${name}`)
  return new Set(direct.flatMap((next) => [next, ...reachable(allowed, next, [...above, name])]))
}

const isTest = (file: string) => file.endsWith('.test.ts') || /^(integration|src\/testing)\//.test(file)
const isBuiltin = (specifier: string) => specifier.startsWith('node:') || builtinModules.includes(specifier)

/** What tests and benches share with the root commands: a PostgreSQL. */
const shared = 'scripts/postgres.mjs'

/** What the programs among the examples share. */
const examplesShare = 'example-chat'

/**
 * Every breach of the rules as one line. `exceptions` allow one source file (`smp-client/src/x.ts`) more packages.
 * Packages that are not in the table (examples, bench, the vector runner) are at the top: they may import all others, and what
 * programs share.
 */
export function importProblems(packages: readonly Package[], allowed: Allowed, exceptions: Allowed = {}): string[] {
  const byName = new Map(packages.map((item) => [item.manifest.name, item]))
  const nameOf = (manifest: Manifest) => manifest.name.replace('@smpkit/', '')
  return packages.flatMap((item) => {
    const { manifest, folder } = item
    const isLibrary = folder.startsWith('packages/')
    if (isLibrary && !allowed[nameOf(manifest)]) return [`${folder}: not in the table of packages`]
    const below = isLibrary ? reachable(allowed, nameOf(manifest)) : new Set([...Object.keys(allowed), examplesShare])
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
    const ofFiles = Object.entries(exceptions)
      .filter(([file]) => file.startsWith(`${nameOf(manifest)}/`))
      .flatMap(([, names]) => names)
    const fromManifest = Object.keys(declared)
      .filter((name) => byName.has(name) && ![...below, ...ofFiles].includes(name.replace('@smpkit/', '')))
      .map((name) => `${folder}: package.json depends on ${name}, which is not below it`)
    return [...fromManifest, ...item.sources.flatMap((source) => sourceProblems(source))]

    function sourceProblems(source: SourceFile): string[] {
      return importsOf(source.text).flatMap((specifier) => {
        const why = whyWrong(source.path, specifier)
        return why ? [`${folder}/${source.path}: ${specifier} ${why}`] : []
      })
    }

    function whyWrong(file: string, specifier: string): string | undefined {
      if (specifier.startsWith('.')) {
        const target = path.posix.join(path.posix.dirname(file), specifier)
        if ((isTest(file) || folder === 'bench') && path.posix.join(folder, target) === shared) return undefined
        const within = isTest(file) ? '' : 'src/'
        return target.startsWith('../') || !target.startsWith(within) ? 'leaves the package' : undefined
      }
      if (isBuiltin(specifier)) return undefined
      if (specifier.startsWith('#')) return manifest.imports?.[specifier] ? undefined : 'is not in the imports map'
      const [name, entry] = splitSpecifier(specifier)
      const ofRoot = ['vitest', 'fast-check', 'typescript', 'better-sqlite3']
      const known = isTest(file) ? { ...declared, ...manifest.devDependencies } : declared
      if (!(name in known) && !(isTest(file) && ofRoot.includes(name)) && name !== manifest.name) {
        return 'is not declared in package.json'
      }
      const target = byName.get(name)
      if (!target) return undefined
      if (!target.manifest.exports?.[entry]) return 'is not an entry of that package'
      if (isTest(file)) return undefined
      const short = nameOf(target.manifest)
      return below.has(short) || exceptions[`${nameOf(manifest)}/${file}`]?.includes(short)
        ? undefined
        : 'is not below this package'
    }
  })
}

/** The first cycle in `edges`, as a path that ends where it began. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  function visit(name: string, above: readonly string[]): string[] | undefined {
    if (above.includes(name)) return [...above.slice(above.indexOf(name)), name]
    if (done.has(name)) return undefined
    done.add(name)
    for (const next of edges.get(name) ?? []) {
      const cycle = visit(next, [...above, name])
      if (cycle) return cycle
    }
    return undefined
  }
  for (const name of edges.keys()) {
    const cycle = visit(name, [])
    if (cycle) return cycle
  }
  return undefined
}

/** What the sources of each package import of the others. Tests count only for themselves and are left out. */
export function packageEdges(packages: readonly Package[]): Map<string, string[]> {
  const names = new Set(packages.map(({ manifest }) => manifest.name))
  return new Map(
    packages.map(({ manifest, sources }) => {
      const imports = sources.filter(({ path }) => !isTest(path)).flatMap(({ text }) => importsOf(text))
      const others = imports.map((specifier) => splitSpecifier(specifier)[0])
      return [manifest.name, others.filter((name) => names.has(name) && name !== manifest.name)]
    }),
  )
}

/** What the files of one package import of each other, by paths of `.ts` files. Type-only imports do not count. */
export function fileEdges({ sources }: Package): Map<string, string[]> {
  return new Map(
    sources
      .filter(({ path }) => !isTest(path))
      .map((source) => {
        const compiled = ts.transpileModule(source.text, {
          compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
        })
        const relative = importsOf(compiled.outputText).filter((specifier) => specifier.startsWith('.'))
        const targets = relative.map((specifier) => path.posix.join(path.posix.dirname(source.path), specifier))
        return [source.path, targets.map((target) => target.replace(/\.js$/, '.ts'))]
      }),
  )
}
