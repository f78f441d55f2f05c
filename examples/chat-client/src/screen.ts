// Lines in and out: at a terminal without disturbing what is being typed, or over pipes.
import { on } from 'node:events'
import readline, { type Completer, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export interface Screen {
  /** How many columns there are; `undefined` where it is no terminal. */
  readonly columns: number | undefined
  /** One or more lines, above what is being typed. */
  print(text: string): void
  /** What stands before the text that is being typed. */
  prompt(text: string): void
  /** What is typed, line by line, from the beginning. */
  lines(signal: AbortSignal): AsyncIterable<string>
  close(): void
}

export interface ScreenOptions {
  readonly input: Readable & { readonly isTTY?: boolean }
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** What TAB makes of what was typed. */
  readonly completer: Completer
  /** Ctrl-C. */
  readonly onInterrupt: () => void
}

export function openScreen({ input, output, completer, onInterrupt }: ScreenOptions): Screen {
  const isTerminal = input.isTTY === true && output.isTTY === true
  const lines = readline.createInterface({ input, output, terminal: isTerminal, completer, historySize: 100 })
  // Lines that come before they are asked for wait in the iterator.
  const ending = new AbortController()
  const typed = on(lines, 'line', { signal: ending.signal, close: ['close'] })
  lines.on('SIGINT', onInterrupt)
  let isClosed = false
  lines.on('close', () => {
    isClosed = true
  })
  if (isTerminal) lines.setPrompt('> ')

  return {
    get columns() {
      return isTerminal ? output.columns : undefined
    },
    print(text) {
      if (!isTerminal || isClosed) {
        output.write(`${text}\n`)
        return
      }
      clearTyped(lines, output)
      output.write(`${text}\n`)
      lines.prompt(true)
    },
    prompt(text) {
      if (!isTerminal || isClosed) return
      clearTyped(lines, output)
      lines.setPrompt(text)
      lines.prompt(true)
    },
    async *lines(signal) {
      signal.throwIfAborted()
      const abort = () => ending.abort(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      try {
        for await (const [line] of typed) {
          yield String(line)
          if (isTerminal && !isClosed) lines.prompt()
        }
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    close() {
      if (isTerminal && !isClosed) clearTyped(lines, output)
      lines.close()
      input.destroy()
    },
  }
}

/** The cursor is then where the first character of the prompt was. */
function clearTyped(lines: Interface, output: Writable): void {
  const { rows } = lines.getCursorPos()
  readline.moveCursor(output, 0, -rows)
  readline.cursorTo(output, 0)
  readline.clearScreenDown(output)
  // readline goes up by as many rows again, before it draws.
  Object.assign(lines, { prevRows: 0 })
}
