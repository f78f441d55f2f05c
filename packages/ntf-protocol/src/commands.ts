// Spec 20 §7, §11: the table of all commands.
import { authKey, dhKey, privateAuthKey } from '@smpkit/crypto'
import { type Codec, record, shortBytes, word16 } from '@smpkit/encoding'
import { byVersion, type Params, tagFormat } from '@smpkit/smp-commands/internal'
import { deviceTokenFields } from './device-token.js'
import { notifierQueueFields } from './notifier-queue.js'
import type { NtfVersion } from './versions.js'

/** What the table says of a command. */
export interface NtfCommandDefinition {
  readonly params: Params<object, NtfVersion>
  readonly auth: 'required' | 'absent'
  readonly entity: 'required' | 'absent'
  /** Whose key authorizes it: the one in the command, the token's, or nobody's. */
  readonly party: 'creator' | 'token' | 'nobody'
  /** The tag of the answer other than `ERR`. */
  readonly answer: string
}

/** Authorized by the token's key; the entity is the token, or a subscription of it. */
const ofToken = { party: 'token', auth: 'required', entity: 'required', answer: 'OK' } as const
/** Of an entity that the answer names. */
const creating = { ...ofToken, entity: 'absent' } as const

/** One letter says what is created, then its fields. */
function created<T extends object>(letter: string, fields: Codec<T>): Codec<T> {
  return {
    write(w, v) {
      w.word(letter)
      fields.write(w, v)
    },
    read(r) {
      r.expect(letter.charCodeAt(0), letter)
      return fields.read(r)
    },
  }
}

/** Every command, by tag. */
export const ntfCommands = {
  /** Creates a token; `authKey` authorizes this and all later commands, `dhKey` is for the payloads of pushes. */
  TNEW: {
    ...creating,
    party: 'creator',
    answer: 'IDTKN',
    params: created('T', record({ ...deviceTokenFields, authKey, dhKey })),
  },
  /** Verifies a token with the code from the push. */
  TVFY: { ...ofToken, params: record({ code: shortBytes }) },
  TCHK: { ...ofToken, answer: 'TKN', params: null },
  /** Replaces the device token. */
  TRPL: { ...ofToken, params: record(deviceTokenFields) },
  TDEL: { ...ofToken, params: null },
  /** Asks for a push at least every so many minutes, 20 or more; 0 turns it off. */
  TCRN: { ...ofToken, params: record({ minutes: word16 }) },
  /** Subscribes to the notifications of a queue; `notifierKey` is the private key for its `NSUB`. */
  SNEW: {
    ...creating,
    answer: 'IDSUB',
    params: created('S', record({ tokenId: shortBytes, ...notifierQueueFields, notifierKey: privateAuthKey })),
  },
  SCHK: { ...ofToken, answer: 'SUB', params: null },
  SDEL: { ...ofToken, params: null },
  PING: { party: 'nobody', auth: 'absent', entity: 'absent', answer: 'PONG', params: null },
} as const satisfies Record<string, NtfCommandDefinition>

export type NtfCommandTag = keyof typeof ntfCommands

/** A command of a client. Arrays of a command that was read are views into its block. */
export type NtfCommand = ReturnType<ReturnType<typeof ntfCommandFormat>['read']>
/** A command by its tag: `NtfCommandOf<'SNEW'>`. */
export type NtfCommandOf<T extends NtfCommandTag> = Extract<NtfCommand, { tag: T }>

/** Commands at one version; the same object for each call with it. */
export const ntfCommandFormat = byVersion((version: NtfVersion) => tagFormat(ntfCommands, version))
