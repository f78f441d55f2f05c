// RFC 9110 §10.2.3: how long a server asks us to wait.

/** A day: a longer wait is a mistake of the server's, and pushes expire in the meantime. */
const longest = 86_400_000

/** The milliseconds that a `Retry-After` asks for, at most a day; 0 where it is missing or neither seconds nor a date. */
export function retryAfterMs(header: string | undefined, now: number): number {
  const text = header?.trim() ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) - now : 0
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), longest)
}
