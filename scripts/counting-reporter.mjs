// A vitest reporter that writes to the file COUNTS_FILE how many tests passed and failed, and which were skipped why.
import fs from 'node:fs'

/** Whether a hook of the test's file or of a suite around it failed, so that it could not start. */
function isStopped(test) {
  for (let around = test.parent; around; around = around.type === 'module' ? undefined : around.parent) {
    if (around.errors().length > 0) return true
  }
  return false
}

function skipped(test) {
  const reason = test.result().note ?? (isStopped(test) ? 'its set-up failed' : 'skipped in the test file')
  return { name: `${test.module.project.name}: ${test.fullName}`, reason }
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
