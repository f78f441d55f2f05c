// A vitest reporter that writes to the file COUNTS_FILE how many tests passed and failed, and which were skipped why.
import fs from 'node:fs'

function skipped(test) {
  const { note } = test.result()
  return { name: `${test.module.project.name}: ${test.fullName}`, reason: note ?? 'skipped in the test file' }
}

export default class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: [] }
    for (const module of modules) {
      // A file that does not load, a hook that fails.
      if (module.errors().length > 0) counts.failed++
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) counts.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'skipped') counts.skipped.push(skipped(test))
        else counts[state === 'passed' ? 'passed' : 'failed']++
      }
    }
    fs.writeFileSync(process.env.COUNTS_FILE, JSON.stringify(counts))
  }
}
