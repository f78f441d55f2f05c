// What tests of rotation have in common: events up to one of them, and the rows of an agent.
import type { Row } from '@smpkit/agent-store'
import type { AgentEvent } from '../index.js'
import { text, type User } from './users.js'

/** Acknowledges events up to one that is as wanted; gives all of them. */
export async function until(user: User, isLast: (event: AgentEvent) => boolean): Promise<AgentEvent[]> {
  const events: AgentEvent[] = []
  for (;;) {
    const event = await user.next()
    await event.ack()
    events.push(event)
    if (isLast(event)) return events
  }
}

const phaseOf = (event: AgentEvent): string[] => (event.type === 'switch' ? [`${event.side} ${event.phase}`] : [])

/** For `until`: a `switch` event, as `receive completed`. */
export const isPhase =
  (phase: string) =>
  (event: AgentEvent): boolean =>
    phaseOf(event)[0] === phase

export const phasesOf = (events: readonly AgentEvent[]): string[] => events.flatMap(phaseOf)

/** Texts and integrity of the messages among events. */
export const messagesOf = (events: readonly AgentEvent[]): [string, string][] =>
  events.flatMap((event) => (event.type === 'message' ? [[text(event.body), event.integrity]] : []))

export const problemsOf = (events: readonly AgentEvent[]): string[] =>
  events.flatMap((event) => ('code' in event ? [`${event.type} ${event.code}`] : []))

export const receivePhases = ['receive started', 'receive confirmed', 'receive secured', 'receive completed']
export const sendPhases = ['send started', 'send confirmed', 'send secured', 'send completed']

type Listed =
  | 'connections'
  | 'receiveQueues'
  | 'sendQueues'
  | 'messages'
  | 'deliveries'
  | 'events'
  | 'requests'
  | 'commands'
  | 'hashes'
  | 'ratchets'
  | 'skippedKeys'

/** All rows of a table, of all connections. */
export async function rowsOf<N extends Listed>({ store }: User, table: N): Promise<Row<N>[]> {
  const rows: Row<N>[] = []
  for await (const page of store.pages(table)) rows.push(...page)
  return rows
}
