// Spec 04 §4.3: requests and the answers that they can have.
import type { PrivateAuthKey } from '@smpkit/crypto'
import { equalBytes } from '@smpkit/encoding'
import {
  type Command,
  type CommandTag,
  type commands,
  definitionOf,
  errorTypeCode,
  type MessageOf,
  type ReceivedMessage,
} from '@smpkit/smp-commands'
import { type Outcome, SmpClientError, SmpReplyError } from './errors.js'

/** One command and who gives it. */
export interface Request<C extends Command = Command> {
  readonly command: C
  /** Default: none. */
  readonly entityId?: Uint8Array | undefined
  /** What authorizes the command. Default: nothing. The session's service signs by itself. */
  readonly key?: PrivateAuthKey | null | undefined
  /** 24 bytes that were never used in this session. Default: random. See `newCorrId`. */
  readonly corrId?: Uint8Array | undefined
}

export interface RequestOptions {
  signal?: AbortSignal | undefined
  /** In milliseconds. */
  timeout?: number | undefined
}

/** `SUB` and `ACK` can be answered with a message: it becomes an event like all others, and the answer `OK`. */
type AnswerTag<T extends CommandTag> = T extends 'SUB' | 'ACK'
  ? Exclude<(typeof commands)[T]['answers'][number], 'MSG'>
  : (typeof commands)[T]['answers'][number]

/** What a command is answered with, other than `ERR`. */
export type Answer<T extends CommandTag = CommandTag> = T extends CommandTag ? MessageOf<AnswerTag<T>> : never

/** What a request is answered with. */
export type AnswerTo<R extends Request> = Answer<R['command']['tag']>

/** Whoever takes requests: a session, a pool's server, a relay behind a proxy. */
export interface Requester {
  request<C extends Command>(request: Request<C>, options?: RequestOptions): Promise<Answer<C['tag']>>
}

export const noEntity = new Uint8Array(0)

/** Whether a received message is an answer to the request, and which. */
export function judge({ command, entityId = noEntity }: Request, received: ReceivedMessage): Outcome<Answer> {
  const { tag } = command
  if (received.error) {
    const why = errorTypeCode(received.error)
    return {
      error: new SmpClientError('RESPONSE', `expected an answer to ${tag}, got one that cannot be read: ${why}`),
    }
  }
  const { message } = received
  const isOurs = equalBytes(received.entityId, entityId)
  // Where the server could not read the transmission it did not know the entity.
  if (message.tag === 'ERR' && (isOurs || received.entityId.length === 0)) {
    return { error: new SmpReplyError(message.error) }
  }
  const unexpected = (what: string) => ({ error: new SmpClientError('UNEXPECTED_RESPONSE', `expected ${what}`) })
  if (!isOurs) return unexpected(`an answer to ${tag} for its entity, got ${message.tag} for another`)
  const { answers } = definitionOf(tag)
  if (!answers.includes(message.tag))
    return unexpected(`${answers.join(' or ')} in answer to ${tag}, got ${message.tag}`)
  return { message: message as Answer }
}
