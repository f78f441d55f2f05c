// test-vectors/README.md: runs the cases of vector files and counts what came of them.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { DecodeError } from '@smpkit/encoding'
import {
  isObject,
  isTypedError,
  type Json,
  type Suite,
  type TypedError,
  toJson,
  type VectorCase,
  VectorError,
} from './case.js'
import { type Difference, firstDifference } from './compare.js'

export interface Registry {
  readonly suites: Readonly<Record<string, Suite>>
  /** Suites and operations that no package implements yet: `suite` or `suite/op`. */
  readonly pending: ReadonlySet<string>
}

export interface Failure {
  /** The case, or undefined where the whole file is at fault. */
  readonly id: string | undefined
  readonly why: string | Difference
}

export interface FileResult {
  readonly file: string
  readonly suite: string
  passed: number
  /** Of those passed. */
  lax: number
  /** Of those passed. */
  quirk: number
  pending: number
  belowV14: number
  readonly failures: Failure[]
}

/** The vector files under a folder, or the file itself. */
export function findFiles(place: string): string[] {
  const found = statSync(place, { throwIfNoEntry: false })
  if (!found) throw new Error(`expected a folder or file, found nothing at ${place}`)
  if (!found.isDirectory()) return [place]
  const entries = readdirSync(place, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => {
    const inner = path.join(place, entry.name)
    return entry.isDirectory() ? findFiles(inner) : entry.name.endsWith('.json') ? [inner] : []
  })
}

/** Runs a file; `undefined` where `only` names other suites. */
export function runFile(file: string, registry: Registry, only: readonly string[] = []): FileResult | undefined {
  let content: Json
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return broken(file, '?', `expected JSON: ${error}`)
  }
  if (!isObject(content) || content.schema !== 'smpkit-vectors/1') {
    return broken(file, '?', 'expected the schema smpkit-vectors/1')
  }
  const { suite, cases } = content
  if (typeof suite !== 'string' || !Array.isArray(cases)) return broken(file, '?', 'expected a suite and cases')
  if (only.length > 0 && !only.includes(suite)) return undefined
  const result = empty(file, suite)
  const ids = new Set<string>()
  for (const [index, vector] of cases.entries()) {
    const id = isObject(vector) ? vector.id : undefined
    if (typeof id !== 'string') {
      result.failures.push({ id: undefined, why: `expected a case with an id at index ${index}` })
      continue
    }
    if (ids.has(id)) {
      result.failures.push({ id: undefined, why: `expected an id of its own for each case, got ${id} twice` })
    }
    ids.add(id)
    runCase(vector as unknown as VectorCase, result, registry)
  }
  return result
}

function empty(file: string, suite: string): FileResult {
  return { file, suite, passed: 0, lax: 0, quirk: 0, pending: 0, belowV14: 0, failures: [] }
}

function broken(file: string, suite: string, why: string): FileResult {
  return { ...empty(file, suite), failures: [{ id: undefined, why }] }
}

function runCase(vector: VectorCase, result: FileResult, { suites, pending }: Registry): void {
  if (pending.has(result.suite) || pending.has(`${result.suite}/${vector.op}`)) {
    result.pending++
    return
  }
  const why = whyFailed(vector, suites[result.suite])
  if (why === 'below v14') {
    result.belowV14++
  } else if (why !== undefined) {
    result.failures.push({ id: vector.id, why })
  } else {
    result.passed++
    if (vector.lax) result.lax++
    if (vector.quirk) result.quirk++
  }
}

function whyFailed(vector: VectorCase, suite: Suite | undefined): string | Difference | undefined {
  if (!suite) return 'unknown suite'
  const operation = Object.hasOwn(suite.ops, vector.op) ? suite.ops[vector.op] : undefined
  if (!operation) return `unknown op ${vector.op}`
  try {
    if (suite.isBelowV14?.(vector)) return 'below v14'
    const actual = toJson(operation.actual(vector))
    if (vector.quirk) return undefined
    if (vector.error === undefined) return firstDifference(operation.expected(vector), actual)
    return { path: 'error', expected: vector.error, actual: { noError: actual } }
  } catch (error) {
    if (error instanceof VectorError) return `the vector is wrong: ${error.message}`
    if (!isTypedError(error)) return `expected a typed error, got ${error instanceof Error ? error.stack : error}`
    if (vector.lax || vector.quirk || vector.error === 'any') return undefined
    if (vector.error === undefined) return `expected no error, got ${error.name} ${error.code}: ${error.message}`
    return firstDifference(vector.error, (suite.errorName ?? defaultErrorName)(error), 'error')
  }
}

export function defaultErrorName(error: TypedError): string {
  return error instanceof DecodeError ? 'INVALID' : error.code
}
