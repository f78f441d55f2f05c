// design.md §6: events that a peer, or whoever knows an address of ours, can cause at will.
import { find, type Row } from '@smpkit/agent-store'
import type { EventType } from './events.js'

const bounded = ['error', 'switch', 'synchronization'] as const satisfies readonly EventType[]
type Bounded = (typeof bounded)[number]

/** Of one type and connection, while the application acknowledges none: more are not told. */
export const maxWaiting = 100

/** Those that wait for the application. */
export type WaitingEvents = Readonly<Record<Bounded, readonly Row<'events'>[]>>
export const noneWaiting: WaitingEvents = { error: [], switch: [], synchronization: [] }

export const waitingQueries = (connId: Uint8Array) => ({
  error: find('events', 'byType', { connId, type: 'error' }, maxWaiting),
  switch: find('events', 'byType', { connId, type: 'switch' }, maxWaiting),
  synchronization: find('events', 'byType', { connId, type: 'synchronization' }, maxWaiting),
})

/** Thrown by a step that has such an event to add: it has to be done again with those that wait, which other steps need not read. */
export class NeedsWaiting extends Error {
  constructor() {
    super('expected the events that wait')
  }
}

/** What there is room for, within one step. */
export class EventBounds {
  readonly #counts: Map<EventType, number> | undefined

  constructor(waiting: WaitingEvents | undefined) {
    this.#counts = waiting && new Map(bounded.map((type) => [type, waiting[type].length]))
  }

  /** Whether an event may be added, which counts from then on. @throws NeedsWaiting */
  take(type: EventType): boolean {
    if (!(bounded as readonly EventType[]).includes(type)) return true
    if (!this.#counts) throw new NeedsWaiting()
    const count = (this.#counts.get(type) ?? 0) + 1
    this.#counts.set(type, count)
    return count <= maxWaiting
  }
}
