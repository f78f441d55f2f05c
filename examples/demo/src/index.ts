#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import { demo, type ways } from './demo.js'
import { maxTextLength } from './envelope.js'
import { jsonReport, textReport } from './report.js'

const usage = `Walks through the notification of a SimpleX message, over real TLS connections:
a recipient enables notifications for its queue, a sender sends, the notification server gets word of it and
pushes, the phone decrypts the push, fetches the message and acknowledges it.

Usage: npm run demo -- [options]

  --server ADDRESS  an SMP server to use, smp://…@host (default: one of our own, in this process)
  --protocol NAME   what the phone and the notification server speak: s.* (default), over a connection like one
                    between two people, or ntf, the NTF protocol of SimpleX apps
  --message TEXT    what the sender says
  --timeout SECONDS give up after so long (default 60)
  --json            JSON lines instead of text
  --help            this text

Exit codes: 0 all steps worked, 1 one did not, 2 wrong options, 130 interrupted.
`

const options = {
  server: { type: 'string' },
  protocol: { type: 'string', default: 's.*' },
  message: { type: 'string', default: 'Hello from smpkit: you were asleep, and this woke you up.' },
  timeout: { type: 'string', default: '60' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

function readOptions() {
  const { values } = parseArgs({ options, args: process.argv.slice(2) })
  const seconds = Number(values.timeout)
  if (!(seconds > 0 && seconds <= 86_400)) throw new TypeError('--timeout: expected seconds, above 0 and at most 86400')
  const length = new TextEncoder().encode(values.message).length
  if (length > maxTextLength) {
    throw new TypeError(`--message: expected at most ${maxTextLength} bytes in UTF-8, got ${length}`)
  }
  return {
    ...values,
    protocol: readProtocol(values.protocol),
    server: values.server === undefined ? null : readServer(values.server),
    milliseconds: seconds * 1000,
  }
}

function readServer(text: string) {
  try {
    return parseServerAddress(text, 'smp')
  } catch (error) {
    throw new TypeError(`--server: expected smp://<fingerprint>@<host>[:port]; ${(error as Error).message}`)
  }
}

function readProtocol(name: string): keyof typeof ways {
  if (name === 's.*' || name === 'ntf') return name
  throw new TypeError(`--protocol: expected s.* or ntf, got ${name}`)
}

async function main(): Promise<number> {
  let values: ReturnType<typeof readOptions>
  try {
    values = readOptions()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nnpm run demo -- --help explains the options\n`)
    return 2
  }
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const write = (line: string) => process.stdout.write(`${line}\n`)
  const report = values.json
    ? jsonReport(write)
    : textReport(write, { color: process.stdout.isTTY === true && !process.env.NO_COLOR })
  const interrupted = new AbortController()
  // Whoever reads may have seen enough: `npm run demo | head`.
  let isRead = true
  process.stdout.on('error', () => {
    isRead = false
    interrupted.abort()
  })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => interrupted.abort())
  const timeout = AbortSignal.timeout(values.milliseconds)
  try {
    const signal = AbortSignal.any([interrupted.signal, timeout])
    await demo({ ...values, report, signal })
    return 0
  } catch (error) {
    if (!isRead) return 0
    if (interrupted.signal.aborted) {
      process.stderr.write('interrupted\n')
      return 130
    }
    const late = timeout.aborted ? `no answer within ${values.timeout} seconds; ` : ''
    process.stderr.write(`the demo failed: ${late}${describe(error)}\n`)
    return 1
  }
}

/** An error on one line, with those of its causes that say more. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : describe(error.cause)
  return (error.message.includes(cause) ? error.message : `${error.message} (${cause})`).replace(/\s+/g, ' ').trim()
}

process.exitCode = await main()
