// Spec 20 §8: the table of all responses.
import { dhKey } from '@smpkit/crypto'
import { record, shortBytes } from '@smpkit/encoding'
import { errorType } from '@smpkit/smp-commands'
import { byVersion, type Params, tagFormat } from '@smpkit/smp-commands/internal'
import type { NtfCommand, NtfCommandTag, ntfCommands } from './commands.js'
import { subscriptionState, tokenState } from './statuses.js'
import type { NtfVersion } from './versions.js'

/** What the table says of a response. */
export interface NtfResponseDefinition {
  readonly params: Params<object, NtfVersion>
  /** What a client demands of its entity id. */
  readonly entity: 'empty' | 'id' | 'any'
}

/** Every response, by tag. */
export const ntfResponses = {
  /** The id of a new token, and the server's key for the payloads of its pushes. */
  IDTKN: { entity: 'empty', params: record({ tokenId: shortBytes, dhKey }) },
  IDSUB: { entity: 'empty', params: record({ subscriptionId: shortBytes }) },
  OK: { entity: 'id', params: null },
  TKN: { entity: 'id', params: tokenState },
  SUB: { entity: 'id', params: subscriptionState },
  PONG: { entity: 'empty', params: null },
  ERR: { entity: 'any', params: record({ error: errorType }) },
} as const satisfies Record<string, NtfResponseDefinition>

export type NtfResponseTag = keyof typeof ntfResponses

/** A response of the server. Arrays of a response that was read are views into its block. */
export type NtfResponse = ReturnType<ReturnType<typeof ntfResponseFormat>['read']>
/** A response by its tag: `NtfResponseOf<'IDTKN'>`. */
export type NtfResponseOf<T extends NtfResponseTag> = Extract<NtfResponse, { tag: T }>

/** What a command is answered with unless `ERR`: `NtfAnswerTo<{ tag: 'TCHK' }>` is `TKN`. */
export type NtfAnswerTo<C extends Pick<NtfCommand, 'tag'>> = {
  [T in NtfCommandTag]: NtfResponseOf<(typeof ntfCommands)[T]['answer']>
}[C['tag']]

/** Responses at one version; the same object for each call with it. */
export const ntfResponseFormat = byVersion((version: NtfVersion) => tagFormat(ntfResponses, version))
