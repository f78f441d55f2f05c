// Spec 21 A4: what was pushed, as a far end of APNs has seen it: fakes of this package, or the file of another one.
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import type { ApnsFake } from './apns-fake.js'

export interface SeenPush {
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The JSON. */
  readonly body: string
}

export interface ApnsLog {
  /** To one device, oldest first, also what was refused. */
  of(token: string): readonly SeenPush[]
}

/** Where pushes for a device go. */
export const devicePath = (token: string): string => `/3/device/${encodeURIComponent(token)}`

/** `take`: what has come since it was asked last. */
function logOf(take: () => Iterable<SeenPush>): ApnsLog {
  const byPath = new Map<string, SeenPush[]>()
  return {
    of(token) {
      for (const push of take()) {
        const before = byPath.get(push.path)
        if (before) before.push(push)
        else byPath.set(push.path, [push])
      }
      return byPath.get(devicePath(token)) ?? []
    },
  }
}

export function logOfFakes(fakes: readonly ApnsFake[]): ApnsLog {
  const taken = fakes.map(() => 0)
  return logOf(() =>
    fakes.flatMap(({ pushes }, i) => {
      const added = pushes.slice(taken[i])
      taken[i] = pushes.length
      return added
    }),
  )
}

/**
 * Lines of JSON `{path, headers, body}` in a file that grows, from now on; `headers` also as pairs, `body` as text, or as what the text
 * says.
 */
export function logOfFile(file: string): ApnsLog {
  const sizeOf = () => (existsSync(file) ? statSync(file).size : 0)
  let taken = sizeOf()
  // A line that is still being written is taken when it has its end.
  let rest = Buffer.alloc(0)
  return logOf(() => {
    const added = Buffer.alloc(Math.max(0, sizeOf() - taken))
    if (added.length === 0) return []
    const descriptor = openSync(file, 'r')
    const length = readSync(descriptor, added, 0, added.length, taken)
    closeSync(descriptor)
    taken += length
    const bytes = Buffer.concat([rest, added.subarray(0, length)])
    const end = bytes.lastIndexOf('\n') + 1
    rest = bytes.subarray(end)
    const lines = bytes.subarray(0, end).toString().split('\n')
    return lines.filter((line) => line.trim() !== '').map((line) => seenPush(JSON.parse(line)))
  })
}

interface Line {
  readonly path: string
  readonly headers: Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[]
  readonly body: unknown
}

function seenPush({ path, headers, body }: Line): SeenPush {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers)
  const lower = pairs.map(([name, value]) => [name.toLowerCase(), value])
  return { path, headers: Object.fromEntries(lower), body: typeof body === 'string' ? body : JSON.stringify(body) }
}
