// What our programs have in common: arguments, signals, and how they end.
import { type Command, CommanderError } from 'commander'
import { describeError, type ExitCode, exitCodeOf, exitCodes } from './program-errors.js'

export interface Running {
  /** Aborted when the program is to end: by Ctrl-C and the like, or `stop`. */
  readonly signal: AbortSignal
  stop(): void
  /** One line on stderr. Never a text of a message, a key, or a token. */
  readonly log: (line: string) => void
}

export interface ProgramOptions<O, A extends readonly string[]> {
  readonly command: Command
  /** Its result is the exit code. */
  readonly main: (options: O, running: Running, ...args: A) => Promise<ExitCode>
  /** What Ctrl-C and SIGTERM mean: for a program that goes on until then, `ok`. A function is asked when one came. */
  readonly onSignal: ExitCode | (() => ExitCode)
  /** Gets the line that says why it ends with an error, and may write it elsewhere than on stderr. */
  readonly onError?: (line: string, code: ExitCode, options: O) => void
}

/** A terminal sends a signal to us and to npm, which sends it on to us: within so many milliseconds that is one. */
const echo = 500

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Reads the arguments, runs `main`, and sets the process's exit code. The second Ctrl-C ends it at once. */
export async function runProgram<O, A extends readonly string[]>({
  command,
  main,
  onSignal,
  onError = (line) => void process.stderr.write(`${line}\n`),
}: ProgramOptions<O, A>): Promise<void> {
  const ending = new AbortController()
  let signalledAt: number | undefined
  const codeOfSignal = () => (typeof onSignal === 'function' ? onSignal() : onSignal)
  const signalled = () => {
    const now = performance.now()
    signalledAt ??= now
    if (now - signalledAt > echo) process.exit(exitCodes.interrupted)
    ending.abort()
  }
  for (const name of signals) process.on(name, signalled)
  // Whoever reads may have seen enough: `… | head`.
  process.stdout.on('error', () => ending.abort())
  const log = (line: string) => void process.stderr.write(`${line}\n`)
  const running = { signal: ending.signal, stop: () => ending.abort(), log }
  try {
    const args = parse(command)
    if (!args) return
    process.exitCode = await main(command.opts() as O, running, ...(args as readonly string[] as A))
    if (signalledAt !== undefined) process.exitCode = codeOfSignal()
  } catch (error) {
    if (ending.signal.aborted && isAbort(error, ending.signal)) {
      process.exitCode = signalledAt !== undefined ? codeOfSignal() : exitCodes.ok
      return
    }
    const code = error instanceof CommanderError ? exitCodes.usage : exitCodeOf(error)
    process.exitCode = code
    onError(lineOf(command, error, code), code, command.opts() as O)
  }
}

/** The arguments that are no options; `undefined` where a text was asked for and printed, such as that of `--help`. */
function parse(command: Command): readonly string[] | undefined {
  try {
    return command
      .exitOverride()
      .configureOutput({ outputError: () => {} })
      .parse().processedArgs
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined
    throw error
  }
}

const isAbort = (error: unknown, signal: AbortSignal): boolean =>
  error === signal.reason || (error instanceof Error && error.cause !== undefined && isAbort(error.cause, signal))

function lineOf(command: Command, error: unknown, code: ExitCode): string {
  // Whoever tells us of it has to see where it was.
  if (code === exitCodes.internal && error instanceof Error && error.stack) return error.stack
  const text = describeError(error).replace(/^error: /, '')
  const isUsage = error instanceof CommanderError || code === exitCodes.usage
  return `${command.name()}: ${text}${isUsage ? ` (${command.name()} --help explains the options)` : ''}`
}
