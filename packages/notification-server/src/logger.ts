// Where the notification server writes what an operator should know. pino fits.

type Log = (details: Readonly<Record<string, unknown>>, message: string) => void

/** Never given secrets, tokens, ids or bodies. */
export interface Logger {
  readonly debug: Log
  readonly info: Log
  readonly warn: Log
  readonly error: Log
}

const nothing: Log = () => {}

export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** What of an error may be logged: its kind. Its message may come from a library that is less careful. */
export function errorKind(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}
