// Spec 21 A5, 30 §6: the JWT that shows APNs who we are, renewed neither too often nor too late.
import type { KeyObject } from 'node:crypto'
import { signJwt } from '../jwt.js'

export interface ProviderToken {
  /** The JWT for the next request. */
  current(): Promise<string>
  /** Another JWT after APNs has refused `refused`; undefined if there may not be one yet. */
  after(refused: string): Promise<string | undefined>
}

export interface ProviderTokenOptions {
  readonly key: KeyObject
  readonly keyId: string
  readonly teamId: string
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** From 0 to below 1. */
  readonly random: () => number
}

const minute = 60_000
/** Apple answers 429 if JWTs change more often. */
const youngest = 20 * minute

export function providerToken({ key, keyId, teamId, clock, random }: ProviderTokenOptions): ProviderToken {
  let made: { readonly at: number; readonly until: number; readonly text: Promise<string> } | undefined

  function make(): Promise<string> {
    const at = clock()
    const claims = { iss: teamId, iat: Math.floor(at / 1000) }
    const text = signJwt(key, { algorithm: 'ES256', keyId }, claims)
    // Apple takes them for an hour. Several servers with one key should not all renew in the same minute.
    made = { at, until: at + (30 + 20 * random()) * minute, text }
    return text
  }

  return {
    current() {
      const now = clock()
      // A clock that was set back has made a JWT from the future, which APNs does not take; small corrections must not make many.
      return made && now < made.until && now >= made.at - minute ? made.text : make()
    },
    async after(refused) {
      const latest = made
      if (!latest) return make()
      // Of many pushes that are refused together, the first one renews.
      const text = await latest.text
      if (text !== refused) return text
      return clock() - latest.at > youngest ? (made === latest ? make() : made?.text) : undefined
    },
  }
}
