// What was pushed, as a far end of APNs has seen it: the fakes of these tests, or the file of another one.
import { existsSync, readFileSync } from 'node:fs'
import type { ApnsFake } from '@smpkit/push-providers/testing'

export interface SeenPush {
  readonly path: string
  /** In lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The JSON as text. */
  readonly body: string
}

export interface ApnsLog {
  /** To one device, oldest first, also what was refused. */
  of(token: string): readonly SeenPush[]
}

export const devicePath = (token: string): string => `/3/device/${encodeURIComponent(token)}`

export function logOfFakes(fakes: readonly ApnsFake[]): ApnsLog {
  return {
    of: (token) => fakes.flatMap(({ pushes }) => pushes.filter(({ path }) => path === devicePath(token))),
  }
}

/** Lines of JSON `{path, headers, body}` that grow: `body` as text or as what it holds. */
export function logOfFile(file: string): ApnsLog {
  const byPath = new Map<string, SeenPush[]>()
  let taken = 0

  function take(): void {
    if (!existsSync(file)) return
    const bytes = readFileSync(file)
    // A line that is still being written is taken when it has its end.
    const end = bytes.lastIndexOf('\n') + 1
    for (const line of bytes.subarray(taken, end).toString().split('\n')) {
      if (line.trim() !== '') keep(JSON.parse(line) as SeenPush)
    }
    taken = end
  }

  function keep({ path, headers, body }: SeenPush): void {
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
    const push = {
      path,
      headers: Object.fromEntries(lower),
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }
    byPath.set(path, [...(byPath.get(path) ?? []), push])
  }

  // What was pushed before is of other tests.
  take()
  byPath.clear()
  return {
    of(token) {
      take()
      return byPath.get(devicePath(token)) ?? []
    },
  }
}
