// Spec 20 §7, §8: requests and the answers that they can have.
import type { PrivateAuthKey } from '@smpkit/crypto'
import { equalBytes } from '@smpkit/encoding'
import { errorTypeCode } from '@smpkit/smp-commands'
import { type NtfCommand, ntfCommands } from './commands.js'
import { NtfClientError, type NtfError, NtfReplyError } from './errors.js'
import type { ReceivedResponse } from './receive.js'
import type { NtfAnswerTo } from './responses.js'

/** One command and who gives it. */
export interface NtfRequest<C extends NtfCommand = NtfCommand> {
  readonly command: C
  /** Of the token or the subscription. Default: none. */
  readonly entityId?: Uint8Array | undefined
  /** Of the token; `null` for `PING`. */
  readonly key: PrivateAuthKey | null
}

export interface NtfRequestOptions {
  signal?: AbortSignal | undefined
  /** In milliseconds. */
  timeout?: number | undefined
}

/** What one request of a list came to. */
export type NtfOutcome<C extends NtfCommand = NtfCommand> =
  | { readonly response: NtfAnswerTo<C>; readonly error?: undefined }
  | { readonly error: NtfError; readonly response?: undefined }

export const noEntity = new Uint8Array(0)

/** Whether what was received is an answer to the request, and which. */
export function judge({ command: { tag }, entityId = noEntity }: NtfRequest, received: ReceivedResponse): NtfOutcome {
  if ('error' in received) {
    const why = errorTypeCode(received.error)
    return {
      error: new NtfClientError('RESPONSE', `expected an answer to ${tag}, got one that cannot be read: ${why}`),
    }
  }
  const { response } = received
  const isOurs = equalBytes(received.entityId, entityId)
  // Where the server could not read the transmission it did not know the entity.
  if (response.tag === 'ERR' && (isOurs || received.entityId.length === 0)) {
    return { error: new NtfReplyError(response.error) }
  }
  const unexpected = (what: string) => ({ error: new NtfClientError('UNEXPECTED', `expected ${what}`) })
  if (!isOurs) return unexpected(`an answer to ${tag} for its entity, got ${response.tag} for another`)
  const { answer } = ntfCommands[tag]
  if (response.tag !== answer) return unexpected(`${answer} in answer to ${tag}, got ${response.tag}`)
  return { response }
}
