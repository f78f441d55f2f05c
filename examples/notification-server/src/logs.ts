// Structured logs without secrets, whatever is handed over to be logged.
import type { Logger } from '@smpkit/notification-server'
import { type DestinationStream, pino } from 'pino'

/** Members of these names are never written. Ids are in there: they link a device with its queues. */
const secretNames =
  /token|secret|password|passphrase|auth|credential|private|key|code|cookie|body|data|endpoint|url|link|^id$|Id$/i

const censored = '[redacted]'

/** How deep values are looked into. */
const deepest = 4

function safe(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  // Messages may come from a library that is less careful.
  if (value instanceof Error) return { name: value.name, code: (value as { code?: unknown }).code }
  if (ArrayBuffer.isView(value) || depth >= deepest) return censored
  if (Array.isArray(value)) return value.map((one) => safe(one, depth + 1))
  return withoutSecrets(value, depth)
}

function withoutSecrets(object: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, secretNames.test(name) ? censored : safe(value, depth + 1)]),
  )
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** One line of JSON for each event. Not a logger with children: what they add is not looked at. */
export function createLog(level: LogLevel, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      // They would come after the formatter, and undo it.
      serializers: {},
      formatters: { level: (label) => ({ level: label }), log: (object) => withoutSecrets(object) },
    },
    destination,
  )
}
