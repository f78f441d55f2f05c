// Spec 30 §5: an answer to `s.post /ntf/subscriptions` that waits for SMP servers, as it is kept over a restart.
import { PublicKey } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import type { Syntax } from '@smpkit/service-protocol'
import { NotificationServerError, type RefusalReasons } from '../errors.js'
import type { Unsettled } from '../subscription-types.js'
import type { AddedToken } from '../tokens.js'

/** How an answer is to be written. */
export interface Form {
  readonly ref: string
  readonly syntax: Syntax
  readonly version: number
}

export interface Held {
  readonly items: Unsettled['items']
  /** Whether the request was an array. */
  readonly several: boolean
  /** Milliseconds. */
  readonly wait: number
}

type Stored = Omit<Held, 'items'> & {
  readonly form: Form
  readonly items: readonly (
    | { readonly id: string; readonly created: boolean; readonly token: StoredToken | null }
    | { readonly error: StoredError }
  )[]
}
type StoredToken = Omit<AddedToken, 'dhKey'> & { readonly dhKey: string }
type StoredError = Pick<NotificationServerError, 'code' | 'reason' | 'message' | 'max' | 'retryAfter'>

export function heldToBytes({ items, several, wait }: Held, form: Form): Uint8Array {
  const stored: Stored = {
    form,
    several,
    wait,
    items: items.map((item) => {
      if ('id' in item) {
        const { id, created, token } = item
        return { id, created, token: token && { ...token, dhKey: toBase64url(token.dhKey.toDer()) } }
      }
      const { code, reason, message, max, retryAfter } = item.error
      return { error: { code, reason, message, max, retryAfter } }
    }),
  }
  return new TextEncoder().encode(JSON.stringify(stored))
}

/** What `heldToBytes` wrote. */
export function heldFromBytes(bytes: Uint8Array): { readonly held: Held; readonly form: Form } {
  const { form, several, wait, items } = JSON.parse(new TextDecoder().decode(bytes)) as Stored
  const held: Held = {
    several,
    wait,
    items: items.map((item) => {
      if ('id' in item) return { ...item, token: item.token && tokenOf(item.token) }
      const { code, reason, message, ...options } = item.error
      return { error: new NotificationServerError(code, reason as RefusalReasons[typeof code], message, options) }
    }),
  }
  return { held, form }
}

const tokenOf = (stored: StoredToken): AddedToken => ({
  ...stored,
  dhKey: PublicKey.fromDer(fromBase64url(stored.dhKey)) as PublicKey<'x25519'>,
})
