// Spec 31: chat messages, as the bodies of agent messages and as connection information.
import { randomBytes } from '@smpkit/crypto'
import { toBase64url, type VersionRange, versionRangeFromText } from '@smpkit/encoding'
import { expandItems } from './compressed.js'
import { ChatError } from './errors.js'
import { type EventName, isEventName, type Params, readParams } from './events.js'
import { type Content, id, object, optional, text } from './fields.js'
import { parseJson } from './json.js'

type Message<N extends EventName> = {
  readonly event: N
  readonly params: Params<N>
  /** What other messages refer to it by: base64url. */
  readonly msgId: N extends 'x.msg.new' ? string : string | null
}

/** A message to send, told apart by `event`. */
export type OutgoingMessage = { [N in EventName]: Message<N> }[EventName]

/** A message of a peer, told apart by `event`. */
export type ChatMessage = {
  [N in EventName]: Message<N> & {
    /** Chat versions that the sender speaks. */
    readonly versions: VersionRange
  }
}[EventName]

export interface DecodedBody {
  /** In the order in which they were written. */
  readonly messages: readonly ChatMessage[]
  /** Why parts of the body, or all of it, are none of them. */
  readonly ignored: readonly ChatError[]
}

/** Largest body of a message, and connection information of a confirmation, in bytes. */
export const bodyLimits = {
  message: { plain: 15_795, postQuantum: 13_573 },
  connInfo: { plain: 14_600, postQuantum: 10_900 },
} as const

/** Largest connection information of a contact request that carries the text of `link`, in bytes. */
export const contactRequestLimit = (link: string): number => 15_896 - new TextEncoder().encode(link).length

/** A peer packs what fits 16 KB into a batch: less than 600 of the shortest messages that mean something. */
const maxMessages = 1000

const versions = '1-8'
const letter = (char: string) => char.charCodeAt(0)

/** Reads a body. Whatever a peer wrote: it never rejects, and what it does not understand it says. */
export async function decodeBody(body: Uint8Array): Promise<DecodedBody> {
  const messages: ChatMessage[] = []
  const ignored: ChatError[] = []
  for (const part of body[0] === letter('X') ? await expandItems(body.subarray(1)) : [body]) {
    for (const value of part instanceof ChatError ? [part] : jsonValues(part)) {
      if (messages.length + ignored.length >= maxMessages) {
        ignored.push(new ChatError('MANY', `expected at most ${maxMessages} messages in a body`))
        return { messages, ignored }
      }
      const message = value instanceof ChatError ? value : orError(() => decodeMessage(value))
      if (message instanceof ChatError) ignored.push(message)
      else messages.push(message)
    }
  }
  return { messages, ignored }
}

/** The values of a body that is not compressed: one, or those of a batch. */
function jsonValues(body: Uint8Array): readonly unknown[] {
  const first = body[0]
  if (first !== letter('{') && first !== letter('[')) {
    return [new ChatError('BINARY', `expected a body that begins with {, [ or X, got ${body.length} other bytes`)]
  }
  const value = orError(() => parseJson(body))
  return Array.isArray(value) ? value : [value]
}

function orError<T>(run: () => T): T | ChatError {
  try {
    return run()
  } catch (error) {
    if (error instanceof ChatError) return error
    throw error
  }
}

/** @throws ChatError `EVENT`, `INVALID` */
function decodeMessage(value: unknown): ChatMessage {
  const { v, msgId, event, params } = object(value, 'message')
  const name = text(event, 'event')
  if (!isEventName(name)) {
    // The name helps to see what a peer wants of us, if it is one and not a text.
    throw new ChatError('EVENT', `unknown event${/^[a-z.]{1,30}$/.test(name) ? ` ${name}` : ''}`)
  }
  return {
    event: name,
    versions: versionsOf(optional(text)(v, 'v') ?? '1'),
    msgId: (name === 'x.msg.new' ? id : optional(id))(msgId, 'msgId'),
    params: readParams(name, object(params, 'params')),
  } as ChatMessage
}

function versionsOf(written: string): VersionRange {
  try {
    return versionRangeFromText(written)
  } catch (cause) {
    throw new ChatError('INVALID', 'v: expected a version range n or min-max', { cause })
  }
}

/**
 * Writes a message into a body of at most `limit` bytes (`bodyLimits`, `contactRequestLimit`).
 * @throws ChatError `INVALID`, `LARGE`
 */
export function encodeMessage(message: OutgoingMessage, limit: number): Uint8Array {
  const params = Object.entries(readParams(message.event, message.params)).filter(([, value]) => value !== null)
  const msgId = (message.event === 'x.msg.new' ? id : optional(id))(message.msgId, 'msgId')
  const json = JSON.stringify({
    v: versions,
    ...(msgId !== null && { msgId }),
    event: message.event,
    params: Object.fromEntries(params),
  })
  const body = new TextEncoder().encode(json)
  if (body.length > limit) {
    throw new ChatError('LARGE', `${message.event}: expected at most ${limit} bytes of JSON, got ${body.length}`)
  }
  return body
}

/** A new id of a message: base64url of 12 random bytes. */
export const newMessageId = (): string => toBase64url(randomBytes(12))

/** What to show of a content of any type. It is the peer's text: pass it to `printable` before a terminal gets it. */
export const contentToText = ({ type, text }: Content): string => text || `[${type}]`
