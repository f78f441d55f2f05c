// Spec 12 §12.7: who may sign the user data of a contact link.
import { type PrivateKey, type PublicKey, sign, verify } from '@smpkit/crypto'
import { concat, toMapKey } from '@smpkit/encoding'
import { PeerError } from './errors.js'

type Key = PublicKey<'ed25519'>

/** Somebody beside the root key's holder who may change a link's user data. */
export interface LinkOwner {
  readonly ownerId: Uint8Array
  readonly ownerKey: Key
  /** 64 bytes, by the root key or by an earlier owner. */
  readonly signature: Uint8Array
}

/** As many signatures are checked, whatever the list says: more come from nobody but who wants to keep us busy. */
const maxChecks = 512

const signedByOwner = (ownerId: Uint8Array, ownerKey: Key) => concat(ownerId, ownerKey.toDer())

/** An owner whom the holder of `key`, the root key or an owner's, makes one. */
export function authorizeOwner(key: PrivateKey<'ed25519'>, ownerId: Uint8Array, ownerKey: Key): LinkOwner {
  return { ownerId, ownerKey, signature: sign(key, signedByOwner(ownerId, ownerKey)) }
}

/** Whether the Ed25519 `signature` is of `data` by `key`; a signature of another length is not. */
export function isSignedBy(key: Key, data: Uint8Array, signature: Uint8Array): boolean {
  return signature.length === 64 && verify(key, data, signature)
}

/**
 * The keys that may sign: the root key and those of all owners, each of whom the one or an earlier owner made one.
 * @throws PeerError `A_LINK`
 */
export function signingKeys(rootKey: Key, owners: readonly LinkOwner[]): readonly Key[] {
  const keys = [rootKey]
  const ids = new Set<string>()
  let checks = 0
  for (const { ownerId, ownerKey, signature } of owners) {
    if (keys.some((key) => key.equals(ownerKey))) throw refused('with a key of its own')
    if (ids.size === ids.add(toMapKey(ownerId)).size) throw refused('with an id of its own')
    const data = signedByOwner(ownerId, ownerKey)
    const isAuthorized = keys.some((key) => {
      if (++checks > maxChecks) throw refused(`within ${maxChecks} signatures`)
      return isSignedBy(key, data, signature)
    })
    if (!isAuthorized) throw refused('signed by the root key or an earlier owner')
    keys.push(ownerKey)
  }
  return keys
}

const refused = (expected: string) => new PeerError('A_LINK', `owners: expected each owner ${expected}`)
