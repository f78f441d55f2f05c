// Walks built JavaScript as a browser's bundler would: through relative paths, imports maps and exports maps.
import fs from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { importsOf, type Manifest, splitSpecifier } from './imports.js'

const conditions = ['browser', 'import', 'default']

/** A target of an exports or imports map: the first condition that holds wins, as in Node and bundlers. */
export function resolveTarget(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  if (Array.isArray(target)) return target.map(resolveTarget).find((found) => found !== undefined)
  if (typeof target !== 'object' || target === null) return undefined
  for (const [condition, inner] of Object.entries(target)) {
    const found = conditions.includes(condition) ? resolveTarget(inner) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** A key of a map, also one with `*`. */
function lookUp(map: Record<string, unknown>, key: string): string | undefined {
  if (key in map) return resolveTarget(map[key])
  for (const [pattern, target] of Object.entries(map)) {
    const [start = '', end] = pattern.split('*')
    if (end === undefined || !key.startsWith(start) || !key.endsWith(end)) continue
    return resolveTarget(target)?.replaceAll('*', key.slice(start.length, key.length - end.length))
  }
  return undefined
}

type AnyManifest = Omit<Partial<Manifest>, 'exports' | 'imports'> & {
  exports?: unknown
  imports?: Record<string, unknown>
  browser?: unknown
  module?: string
  main?: string
}

function readManifest(folder: string): AnyManifest {
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
}

function folderOf(file: string): string {
  let folder = path.dirname(file)
  while (!fs.existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder)
  return folder
}

function findPackage(name: string, from: string): string {
  for (let folder = path.dirname(from); ; folder = path.dirname(folder)) {
    const found = path.join(folder, 'node_modules', name)
    if (fs.existsSync(found)) return fs.realpathSync(found)
    if (folder === path.dirname(folder)) throw new Error(`${from}: ${name} is not installed`)
  }
}

function entryOf(folder: string, entry: string): string {
  const { exports, browser, module, main = './index.js' } = readManifest(folder)
  if (exports === undefined) {
    const whole = typeof browser === 'string' ? browser : (module ?? main)
    return path.join(folder, entry === '.' ? whole : entry)
  }
  const isMap = typeof exports === 'object' && exports !== null && Object.keys(exports).every((k) => k.startsWith('.'))
  const target = lookUp((isMap ? exports : { '.': exports }) as Record<string, unknown>, entry)
  if (target === undefined) throw new Error(`${folder}: no entry ${entry} for a browser`)
  return path.join(folder, target)
}

function resolve(specifier: string, from: string): string {
  if (specifier.startsWith('.')) return path.resolve(path.dirname(from), specifier)
  if (specifier.startsWith('#')) {
    const folder = folderOf(from)
    const target = lookUp(readManifest(folder).imports ?? {}, specifier)
    if (target === undefined) throw new Error(`${from}: no ${specifier} for a browser`)
    return target.startsWith('.') ? path.join(folder, target) : resolve(target, from)
  }
  const [name, entry] = splitSpecifier(specifier)
  const own = folderOf(from)
  return entryOf(readManifest(own).name === name ? own : findPackage(name, from), entry)
}

const isBuiltin = (specifier: string) => specifier.startsWith('node:') || builtinModules.includes(specifier)

export interface Graph {
  readonly files: Set<string>
  /** The chain of files from the entry to each import of a Node module, which is last. */
  readonly impure: string[][]
}

/** Everything that a browser would load for an entry of the package in `folder`. */
export function browserGraph(folder: string, entry: string): Graph {
  const graph: Graph = { files: new Set(), impure: [] }
  function visit(file: string, above: readonly string[]): void {
    if (graph.files.has(file)) return
    graph.files.add(file)
    const chain = [...above, path.relative(folder, file)]
    for (const specifier of importsOf(fs.readFileSync(file, 'utf8'))) {
      if (isBuiltin(specifier)) graph.impure.push([...chain, specifier])
      else visit(resolve(specifier, file), chain)
    }
  }
  visit(entryOf(folder, entry), [])
  return graph
}
