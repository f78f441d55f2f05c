#!/usr/bin/env node
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { block } from './block.js'
import { connection } from './connection.js'
import { establishing } from './establishing.js'
import type { Bench, Row } from './harness.js'
import { messagesPostgres, messagesSqlite } from './messages.js'
import { notification } from './notification.js'
import { nsub } from './nsub.js'
import { ntfPostgres, ntfSqlite } from './ntf.js'
import { outboxPostgres, outboxSqlite } from './outbox.js'
import { ratchet } from './ratchet.js'
import { restoredPostgres, restoredSqlite } from './restored.js'
import { service } from './service.js'
import { sntrup761 } from './sntrup761.js'
import { startUp } from './start-up.js'
import { transmission } from './transmission.js'

const usage = `Measures against limits that are measured in the same run; what counts is the ratio.

Usage: npm run bench -- [FILTER] [--json FILE]

  FILTER       only benchmarks whose name contains it
  --json FILE  also writes the rows to a file
  --check      exit code 1 if a ratio is below what it should be
  --help       this text

BENCH_SUBSCRIPTIONS=NUMBER in the environment: how many are restored at start, by default 100,000.

Benchmarks:
`

const benches: readonly Bench[] = [
  block,
  transmission,
  connection,
  nsub,
  ntfSqlite,
  ntfPostgres,
  notification,
  outboxSqlite,
  outboxPostgres,
  ratchet,
  sntrup761,
  messagesSqlite,
  messagesPostgres,
  establishing,
  startUp,
  service,
  restoredSqlite,
  restoredPostgres,
]

const number = (value: number) => value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 })

/** Whether a row is as good as it should be; without a demand it is. */
function passes({ ratio, ours, atLeast, atMost }: Row): boolean {
  return (atLeast === undefined || (ratio ?? 0) >= atLeast) && (atMost === undefined || ours <= atMost)
}

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    number(row.ours),
    row.limit === null ? '–' : number(row.limit),
    row.unit,
    row.ratio === null ? '–' : row.ratio.toFixed(2),
    row.atLeast !== undefined ? `≥ ${row.atLeast}` : row.atMost !== undefined ? `≤ ${number(row.atMost)}` : 'report',
    passes(row) ? '' : 'below',
  ])
  const all = [['name', 'ours', 'limit', 'unit', 'ratio', 'should be', ''], ...cells]
  const widths = all[0]?.map((_, i) => Math.max(...all.map((line) => (line[i] as string).length))) ?? []
  return all
    .map((line) =>
      line
        .map((cell, i) => (i === 0 || i === 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
    .join('\n')
}

async function main(): Promise<number> {
  const options = { json: { type: 'string' }, check: { type: 'boolean' }, help: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (values.help) {
    console.log(usage + benches.map(({ name }) => `  ${name}`).join('\n'))
    return 0
  }
  const filter = positionals.join(' ')
  const chosen = benches.filter(({ name }) => name.includes(filter))
  if (chosen.length === 0) {
    console.error(`no benchmark's name contains ${filter}; there are ${benches.map(({ name }) => name).join(', ')}`)
    return 2
  }
  // A file that cannot be written is known before minutes of measuring.
  if (values.json) writeFileSync(values.json, '')
  const rows: Row[] = []
  for (const { name, run } of chosen) {
    const progress = (text: string) => process.stderr.write(`[bench] ${name}: ${text} …\n`)
    progress('running')
    rows.push(...(await run(progress)))
  }
  console.log(table(rows))
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ node: process.version, rows }, null, 2)}\n`)
  return values.check && !rows.every(passes) ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
