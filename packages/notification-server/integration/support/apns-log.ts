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
  const byPath = new Map<string, SeenPush[]>()
  const taken = fakes.map(() => 0)
  return {
    of(token) {
      for (const [i, { pushes }] of fakes.entries()) {
        for (const push of pushes.slice(taken[i])) keep(byPath, push)
        taken[i] = pushes.length
      }
      return byPath.get(devicePath(token)) ?? []
    },
  }
}

function keep(byPath: Map<string, SeenPush[]>, push: SeenPush): void {
  const before = byPath.get(push.path)
  if (before) before.push(push)
  else byPath.set(push.path, [push])
}

function seenPush({ path, headers, body }: SeenPush): SeenPush {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return { path, headers: Object.fromEntries(lower), body: typeof body === 'string' ? body : JSON.stringify(body) }
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
      if (line.trim() !== '') keep(byPath, seenPush(JSON.parse(line)))
    }
    taken = end
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
