// Spec 21 A4: what was pushed, as a far end of APNs has seen it: fakes of this package, or the file of another one.
import { existsSync, readFileSync, statSync } from 'node:fs'
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

const devicePath = (token: string): string => `/3/device/${encodeURIComponent(token)}`

export const logOfFakes = (fakes: readonly ApnsFake[]): ApnsLog => ({
  of: (token) => fakes.flatMap(({ pushes }) => pushes.filter(({ path }) => path === devicePath(token))),
})

/** Lines of JSON `{path, headers, body}` in a file that grows, from now on; `body` as text, or as what the text says. */
export function logOfFile(file: string): ApnsLog {
  const sizeOf = () => (existsSync(file) ? statSync(file).size : 0)
  const byPath = new Map<string, SeenPush[]>()
  let taken = sizeOf()

  function take(): void {
    if (sizeOf() <= taken) return
    const bytes = readFileSync(file)
    // A line that is still being written is taken when it has its end.
    const end = bytes.lastIndexOf('\n') + 1
    for (const line of bytes.subarray(taken, end).toString().split('\n')) {
      if (line.trim() !== '') keep(JSON.parse(line) as SeenPush)
    }
    taken = Math.max(taken, end)
  }

  function keep({ path, headers, body }: SeenPush): void {
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    byPath.set(path, [...(byPath.get(path) ?? []), { path, headers: Object.fromEntries(lower), body: text }])
  }

  return {
    of(token) {
      take()
      return byPath.get(devicePath(token)) ?? []
    },
  }
}
