// The vector runner's command line; scripts/vectors.mjs has its --help.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describe, describeFully } from './compare.js'
import { type FileResult, findFiles, runFile } from './runner.js'
import { registry } from './suites.js'

const own = fileURLToPath(new URL('../../../test-vectors', import.meta.url))

/** Of one file, without --verbose. */
const shownFailures = 20

function describeCounts({ passed, lax, quirk, pending, belowV14, failures }: Omit<FileResult, 'file' | 'suite'>) {
  const shown = { failed: failures.length, lax, quirk, 'below v14': belowV14, pending }
  const others = Object.entries(shown).filter(([, count]) => count > 0)
  return [`${passed} passed`, ...others.map(([name, count]) => `${count} ${name}`)].join(', ')
}

function printFile(result: FileResult, verbose: boolean) {
  const name = path.relative(process.cwd(), result.file)
  console.log(
    `${result.failures.length > 0 ? 'FAILED' : 'ok    '} ${name} (${result.suite}): ${describeCounts(result)}`,
  )
  for (const { id, why } of verbose ? result.failures : result.failures.slice(0, shownFailures)) {
    const text = typeof why === 'string' ? why : verbose ? describeFully(why) : describe(why)
    console.log(`    ${id ?? 'file'}: ${text.replaceAll('\n', '\n    ')}`)
  }
  const hidden = verbose ? 0 : result.failures.length - shownFailures
  if (hidden > 0) console.log(`    and ${hidden} more, which --verbose shows`)
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { suite: { type: 'string', multiple: true }, verbose: { type: 'boolean', default: false } },
  })
  const results: FileResult[] = []
  for (const place of positionals.length > 0 ? positionals : [own]) {
    for (const file of findFiles(place)) {
      const result = runFile(file, registry, values.suite)
      if (result) {
        results.push(result)
        printFile(result, values.verbose)
      }
    }
  }
  const sum = (count: (result: FileResult) => number) => results.reduce((total, result) => total + count(result), 0)
  const failed = sum((r) => r.failures.length)
  const passed = sum((r) => r.passed)
  console.log(
    `lax ${sum((r) => r.lax)}, quirk ${sum((r) => r.quirk)} (of those passed); ` +
      `below v14 ${sum((r) => r.belowV14)}, pending ${sum((r) => r.pending)} (not run)`,
  )
  if (passed + failed === 0) console.log('nothing was run')
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0 ? 0 : 1
}

try {
  process.exitCode = main()
} catch (error) {
  // A wrong argument, a folder that is not there.
  console.log(error instanceof Error ? error.message : error)
  console.log('0 passed, 1 failed')
  process.exitCode = 1
}
