#!/usr/bin/env node
// Sends one text to whom a link leads to, for scripts and monitoring systems.
import { Command } from 'commander'
import {
  addCommonOptions,
  bodyLimits,
  type CommonOptions,
  encodeText,
  exitCodes,
  type Running,
  runProgram,
  usageError,
  withAgent,
} from 'example-chat'
import { deliver } from './deliver.js'
import { serverOfLink } from './link.js'
import { type Result, reporter } from './report.js'

interface Options extends CommonOptions {
  readonly receipt?: boolean
  readonly json?: boolean
  readonly timeout: number
}

function readTimeout(text: string): number {
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 86_400) return seconds
  throw usageError('--timeout: expected seconds, above 0 and at most 86400')
}

const command = addCommonOptions(new Command('send-message'), { name: 'send-message' })
  .argument('<link>', 'a contact address or a one-time invitation, as a full or a short link')
  .argument('<text>', 'what to send; - reads it from standard input')
  .description('Connects to whom the link leads to, sends one text, waits until it is delivered, and exits.')
  .option('--receipt', "wait until the peer's program tells that it has the text; else, until the server has it")
  .option('--timeout <seconds>', 'give up after so long', readTimeout, 60)
  .option('--json', 'print one JSON object on stdout, and what happens as JSON lines on stderr')
  .addHelpText(
    'after',
    `
With --db, the same link means the same connection from the second time on: nobody is asked again. A text that
the server did not take in time goes out with the next run. One run at a time can use a database.
Without --server, our queue is made on the server that the link names.

Exit codes:
  0    delivered
  1    wrong options, link or text
  2    not accepted in time
  3    a server cannot be reached, or refuses what is asked
  4    the database cannot be used
  5    the link leads nowhere any more, or the text cannot be delivered
  6    the server has it, but the receipt did not come in time (--receipt)
  70   a mistake of ours
  130  interrupted

Example: send-message --db monitor.db --json --timeout 20 'simplex:/a#…' 'disk full on db1'`,
  )

/** Bytes: more than any text that can be sent. */
const maxInput = 1_000_000

const start = performance.now()
const report = reporter({
  isJson: process.argv.includes('--json'),
  seconds: () => Math.round(performance.now() - start) / 1000,
})

await runProgram<Options, [string, string]>({
  command,
  onSignal: exitCodes.interrupted,
  onError: (line, exitCode) => report.end({ result: 'failed', exitCode, problem: line }),
  async main(options, running, link, given) {
    const timeout = AbortSignal.timeout(options.timeout * 1000)
    const limited: Running = { ...running, log: report.note, signal: AbortSignal.any([running.signal, timeout]) }
    const server = options.server ?? [serverOfLink(link)]
    const text = given === '-' ? await readInput(running.signal) : given
    if (text === '') throw usageError('expected a text, got none')
    // Whether the connection will have the smaller limit is not known yet.
    const body = encodeText(text, bodyLimits.message.postQuantum)
    const { receipt = false, name } = options
    const result: Result = await withAgent({ ...options, server }, limited, (program) =>
      deliver(program, limited, { link, body, receipt, name, timeout, report }),
    )
    report.end(result)
    return result.exitCode
  },
})

async function readInput(signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  const end = () => process.stdin.destroy()
  signal.addEventListener('abort', end, { once: true })
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxInput) throw usageError(`expected a text of at most ${maxInput} bytes on standard input`)
  }
  signal.throwIfAborted()
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}
