// The entry `example-chat/testing`: programs as children, for tests that read what they print and type into them.
import { spawn } from 'node:child_process'

/** Milliseconds; it only stops hangs. */
const patience = 30_000

export interface Ended {
  /** The exit code; of a program that a signal has ended, `null`. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartedProgram {
  readonly ended: Promise<Ended>
  /** The next match on stdout or stderr, after that of the call before. Rejects if the program ends without, or after 30 s. */
  until(pattern: RegExp, where?: 'stdout' | 'stderr'): Promise<RegExpExecArray>
  /** A line on stdin. */
  type(line: string): void
  endInput(): void
  kill(signal: NodeJS.Signals): void
}

/** Runs a built program, `file`, with pipes. */
export function startProgram(file: string, args: readonly string[], { cwd }: { cwd?: string } = {}): StartedProgram {
  const child = spawn(process.execPath, [file, ...args], { stdio: 'pipe', cwd, env: { ...process.env, NO_COLOR: '1' } })
  const output = { stdout: '', stderr: '' }
  const seen = { stdout: 0, stderr: 0 }
  let isEnded = false
  const waiting = new Set<() => void>()
  const look = () => {
    for (const one of waiting) one()
  }
  for (const where of ['stdout', 'stderr'] as const) {
    child[where].setEncoding('utf8').on('data', (text) => {
      output[where] += text
      look()
    })
  }
  // It may end before it has read all.
  child.stdin.on('error', () => {})
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      isEnded = true
      resolve({ code, ...output })
      look()
    })
  })
  return {
    ended,
    until(pattern, where = 'stdout') {
      return new Promise((resolve, reject) => {
        const give = (settle: () => void) => {
          clearTimeout(timer)
          waiting.delete(one)
          settle()
        }
        const fail = () => reject(new Error(`expected ${pattern}, got ${JSON.stringify({ ...output, isEnded })}`))
        const one = () => {
          const match = pattern.exec(output[where].slice(seen[where]))
          if (match) {
            seen[where] += match.index + match[0].length
            give(() => resolve(match))
          } else if (isEnded) give(fail)
        }
        const timer = setTimeout(() => give(fail), patience)
        waiting.add(one)
        one()
      })
    },
    type: (line) => void child.stdin.write(`${line}\n`),
    endInput: () => void child.stdin.end(),
    kill: (signal) => void child.kill(signal),
  }
}
