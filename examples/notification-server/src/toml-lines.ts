// Where something stands in a file of TOML.
import { parse } from 'smol-toml'

type Table = Readonly<Record<string, unknown>>

function has(table: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true
  return typeof table === 'object' && table !== null && Object.hasOwn(table, name) && has((table as Table)[name], rest)
}

function parsed(text: string): Table | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

/** The number of the line in which the value at `path` begins; of a value that is not there, of the innermost table that is. */
export function lineOf(toml: string, path: readonly string[]): number | undefined {
  // Whatever the syntax (dotted keys, inline tables, values over many lines): the beginning of the file that has it first.
  const lines = toml.split('\n')
  let begins = 1
  for (let end = 1; end <= lines.length; end++) {
    const table = parsed(lines.slice(0, end).join('\n'))
    if (!table) continue
    if (has(table, path)) return begins
    begins = end + 1
  }
  return path.length > 1 ? lineOf(toml, path.slice(0, -1)) : undefined
}
