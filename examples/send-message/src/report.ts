// What the program tells: the result on stdout, and what happens until then on stderr.
import type { ExitCode } from 'example-chat'

/** How far it got, in this order. */
export type State = 'requested' | 'accepted' | 'queued' | 'sent' | 'received'

export interface Result {
  /** `delivered`: the server has it. `received`: the peer's program, too. */
  readonly result: 'delivered' | 'received' | 'failed'
  readonly exitCode: ExitCode
  readonly state?: State
  /** Whether the connection is of an earlier run. */
  readonly reused?: boolean
  /** For a person. */
  readonly problem?: string
}

export interface Report {
  /** A step was made. */
  progress(state: State): void
  note(text: string): void
  end(result: Result): void
}

const words: Record<State, string> = {
  requested: 'asked to connect, waiting to be accepted …',
  accepted: 'connected',
  queued: 'sending …',
  sent: 'the server has it',
  received: 'the peer has it',
}

export function reporter({ isJson, seconds }: { isJson: boolean; seconds: () => number }): Report {
  const stderr = (line: string) => void process.stderr.write(`${line}\n`)
  const json = (value: object) => JSON.stringify({ ...value, seconds: seconds() })
  if (isJson) {
    return {
      progress: (state) => stderr(json({ event: 'progress', state })),
      note: (text) => stderr(json({ event: 'note', text })),
      end: (result) => void process.stdout.write(`${json(result)}\n`),
    }
  }
  return {
    progress: (state) => stderr(words[state]),
    note: stderr,
    end: ({ problem }) => {
      if (problem) stderr(problem)
    },
  }
}
