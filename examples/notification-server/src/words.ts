// Reports as text for people.
import { printable } from 'example-chat'
import type { OutboxReport, StatusReport, TokenReport } from './admin.js'

/** Columns of equal width, two spaces apart. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** How long, roughly: of a time that is over or to come. */
export function span(milliseconds: number): string {
  const size = Math.abs(milliseconds)
  const [unit, length] = units.find(([, length]) => size >= length) ?? (['s', 1000] as const)
  return `${Math.floor(size / length)} ${unit}`
}

const ago = (at: number, now: number) => `${span(now - at)} ago`
const when = (at: number, now: number) => (at <= now ? 'now' : `in ${span(at - now)}`)

function counts(name: string, byStatus: Readonly<Record<string, number>>): string {
  const entries = Object.entries(byStatus).filter(([, number]) => number > 0)
  const total = entries.reduce((sum, [, number]) => sum + number, 0)
  const parts = entries.map(([status, number]) => `${number} ${status}`).join(', ')
  return `${name}: ${total}${parts === '' ? '' : ` (${parts})`}`
}

export function statusText(report: StatusReport, now: number): string {
  const { startedAt, tokens, subscriptions, servers, ntf, owed, answered } = report
  const down = servers.filter(({ up }) => !up)
  const lines = [
    startedAt === null ? 'not running: this is what the database says' : `running since ${span(now - startedAt)}`,
    counts('tokens', tokens),
    counts('subscriptions', subscriptions),
    `SMP servers: ${servers.length - down.length} up, ${down.length} down`,
    ...down.map(
      ({ server, since, reason }) =>
        `  ${printable(server)} is down${since === null ? '' : ` since ${span(now - since)}`}${reason === null ? '' : `: ${printable(reason)}`}`,
    ),
    ...(ntf === null ? [] : [`NTF connections: ${ntf.connections}, at ${ntf.address}`]),
    `pushes owed: ${owed}`,
  ]
  if (answered.length > 0) {
    lines.push(startedAt === null ? 'given up lately:' : 'the providers answered:')
    const rows = answered.map(({ provider, outcome, reason, count, at }) => [
      `  ${provider}`,
      reason === '' ? outcome : `${outcome}: ${reason}`,
      `${count} times`,
      `last ${ago(at, now)}`,
    ])
    lines.push(columns(rows))
  }
  return lines.join('\n')
}

export function tokensText(tokens: readonly TokenReport[], now: number): string {
  const rows = tokens.map(({ id, provider, status, reason, registeredAt, usedAt, expiresAt }) => [
    id,
    provider,
    reason === null ? status : `${status}: ${printable(reason)}`,
    ago(registeredAt, now),
    ago(usedAt, now),
    when(expiresAt, now),
  ])
  return columns([['id', 'provider', 'status', 'registered', 'used', 'expires'], ...rows])
}

export function outboxText({ owed, more, deadLetters }: OutboxReport, now: number): string {
  const lines = [`owed: ${owed.length}${more ? ' and more' : ''}`]
  if (owed.length > 0) {
    const rows = owed.map(({ provider, kind, createdAt, dueAt, attempts, reason }) => [
      `  ${provider}`,
      kind,
      ago(createdAt, now),
      when(dueAt, now),
      String(attempts),
      reason ?? '',
    ])
    lines.push(columns([['  provider', 'kind', 'owed since', 'due', 'attempts', 'last reason'], ...rows]))
  }
  lines.push(`given up: ${deadLetters.length}`)
  if (deadLetters.length > 0) {
    const rows = deadLetters.map(({ provider, kind, at, attempts, reason }) => [
      `  ${provider}`,
      kind,
      ago(at, now),
      String(attempts),
      reason,
    ])
    lines.push(columns([['  provider', 'kind', 'given up', 'attempts', 'reason'], ...rows]))
  }
  return lines.join('\n')
}
