// Spec 31, types: the events that we know, and what their parameters are.
import { content, type Field, id, optional, profile } from './fields.js'

const events = {
  'x.info': { profile },
  'x.contact': { profile, contactReqId: optional(id), content: optional(content) },
  'x.ok': {},
  // `quote`, `file` and `ttl` are for richer programs than ours.
  'x.msg.new': { content },
  'x.msg.update': { msgId: id, content },
  'x.msg.del': { msgId: id },
  'x.direct.del': {},
} as const satisfies Record<string, Record<string, Field<unknown>>>

export type EventName = keyof typeof events

/** The parameters of an event; an absent one is `null`. */
export type Params<N extends EventName> = {
  readonly [K in keyof (typeof events)[N]]: (typeof events)[N][K] extends Field<infer T> ? T : never
}

export const isEventName = (name: string): name is EventName => Object.hasOwn(events, name)

/** Takes the parameters of an event out of an object; what else is in there is left. @throws ChatError `INVALID` */
export function readParams<N extends EventName>(event: N, values: Readonly<Record<string, unknown>>): Params<N> {
  const fields: Record<string, Field<unknown>> = events[event]
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, field(values[name], `params.${name}`)]),
  ) as Params<N>
}

/** Whether the agent message that carries it asks the server to notify the recipient. */
export const wantsNotification = (event: EventName): boolean => event === 'x.msg.new' || event === 'x.direct.del'
