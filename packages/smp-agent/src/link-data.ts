// Spec 12 §12.6, §12.7: what a short link leads to.
import {
  contactLinkKeys,
  invitationLinkKeys,
  linkKey as linkKeyOf,
  openUnverifiedLinkItem,
  type PrivateKey,
  type PublicKey,
  publicKey,
  randomBytes,
  sealLinkItem,
} from '@smpkit/crypto'
import {
  bool,
  type Codec,
  decode,
  EncodeError,
  encode,
  equalBytes,
  letters,
  list,
  nonceLength,
  Reader,
  record,
  shortBytes,
  tagged,
  type VersionRange,
  versionRange,
} from '@smpkit/encoding'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { type ConnectionRequest, connectionRequest } from './connection-request.js'
import { fromPeer, LinkError, PeerError } from './errors.js'
import { isSignedBy, type LinkOwner, signingKeys } from './link-owners.js'
import { type ShortContactLink, type ShortLink, shortLink } from './short-link.js'

export type LinkType = ShortLink['type']

/** Never changes: the link key is its hash. */
export interface FixedLinkData {
  readonly agentVersions: VersionRange
  readonly rootKey: PublicKey<'ed25519'>
  readonly connReq: ConnectionRequest
  /** Of the application. */
  readonly entityId: Uint8Array | null
}

interface UserLinkDataBase {
  readonly agentVersions: VersionRange
  /** Of the application: its profile, for instance. */
  readonly userData: Uint8Array
}

export interface InvitationUserData extends UserLinkDataBase {
  readonly type: 'invitation'
}

export interface ContactUserData extends UserLinkDataBase {
  readonly type: 'contact'
  /** Whether the request of the fixed data may be connected to; otherwise only through `relays`. */
  readonly direct: boolean
  readonly owners: readonly LinkOwner[]
  readonly relays: readonly ShortContactLink[]
}

/** May be changed by who holds the root key or an owner's. */
export type UserLinkData = InvitationUserData | ContactUserData

const ed25519Key: Codec<PublicKey<'ed25519'>> = {
  write: publicKey.write,
  read(r) {
    const at = r.position
    const key = publicKey.read(r)
    if (!key.is('ed25519')) throw r.invalid('expected an Ed25519 key', at)
    return key
  },
}

/** Leaves room for fields of later versions: what follows the value is not looked at. */
function extensible<T>(codec: Codec<T>): Codec<T> {
  return {
    write: codec.write,
    read(r) {
      const value = codec.read(r)
      r.tail()
      return value
    },
  }
}

/** Without a sign that it is there: whatever is no such field is the tail of a later version. */
const entityId: Codec<Uint8Array | null> = {
  write(w, v) {
    if (v) w.shortBytes(v)
  },
  read: (r) => (r.remaining > (r.peek() ?? 0) ? r.shortBytes() : null),
}

/** A codec of both types of link; here one of them is a DecodeError. */
function ofType<T extends { readonly type: LinkType }>(type: LinkType, codec: Codec<T>): Codec<T> {
  return {
    write: codec.write,
    read(r) {
      const at = r.position
      const value = codec.read(r)
      if (value.type !== type) throw r.invalid(`expected data of a link of type ${type}`, at)
      return value
    },
  }
}

export function fixedLinkData(type: LinkType): Codec<FixedLinkData> {
  const connReq = ofType(type, connectionRequest)
  return extensible(record<FixedLinkData>({ agentVersions: versionRange, rootKey: ed25519Key, connReq, entityId }))
}

const longMark = 0xff

/** Up to 254 bytes with one length byte, longer ones behind a mark with two. */
const userData: Codec<Uint8Array> = {
  write(w, v) {
    if (v.length < longMark) return w.shortBytes(v)
    w.byte(longMark)
    w.largeBytes(v)
  },
  read(r) {
    if (r.peek() !== longMark) return r.shortBytes()
    const rest = r.tail()
    const long = new Reader(rest.subarray(1))
    // Without room for the long form, 255 bytes with one length byte: nobody writes it, all read it.
    return long.remaining >= 2 && long.word16() <= long.remaining
      ? new Reader(rest.subarray(1)).largeBytes()
      : new Reader(rest).shortBytes()
  },
}

const ownerFields = extensible(record<LinkOwner>({ ownerId: shortBytes, ownerKey: ed25519Key, signature: shortBytes }))

const owner: Codec<LinkOwner> = {
  write: (w, v) => w.shortBytes(encode(ownerFields, v)),
  read: (r) => ownerFields.read(new Reader(r.shortBytes())),
}

const relay = ofType('contact', shortLink) as Codec<ShortContactLink>

const userVariants = {
  invitation: record<Omit<InvitationUserData, 'type'>>({ agentVersions: versionRange, userData }),
  contact: record<Omit<ContactUserData, 'type'>>({
    agentVersions: versionRange,
    direct: bool,
    owners: list(owner),
    relays: list(relay),
    userData,
  }),
}

const anyUserData: Codec<UserLinkData> = tagged('type', letters({ I: 'invitation', C: 'contact' }), userVariants)

export function userLinkData(type: LinkType): Codec<UserLinkData> {
  return extensible(ofType(type, anyUserData))
}

/**
 * What follows from the key of a link (32 bytes): the key of its data, and the id of a contact link. That of an
 * invitation is chosen by the server.
 * @throws LinkError `SYNTAX` for a key of another length
 */
export function deriveLinkKeys(
  type: LinkType,
  linkKey: Uint8Array,
): { dataKey: Uint8Array; linkId: Uint8Array | null } {
  if (linkKey.length !== 32) {
    throw new LinkError('SYNTAX', `expected a link with a key of 32 bytes, got ${linkKey.length}: it may be cut`)
  }
  return type === 'contact' ? contactLinkKeys(linkKey) : { ...invitationLinkKeys(linkKey), linkId: null }
}

/** Both parts as a server keeps them: 2048 and 13824 bytes. */
export interface SealedLinkData {
  readonly fixedData: Uint8Array
  readonly userData: Uint8Array
}

export interface SealLinkDataOptions {
  readonly fixed: Omit<FixedLinkData, 'rootKey'>
  readonly user: UserLinkData
  /** To be kept: it makes the link's owner. */
  readonly rootKey: PrivateKey<'ed25519'>
  /** An owner's, if it is not the root key that signs the user data. */
  readonly userSigningKey?: PrivateKey<'ed25519'>
  /** 24 bytes each; random by default. */
  readonly nonces?: { readonly fixed: Uint8Array; readonly user: Uint8Array }
}

/**
 * Makes the data of a new link, its key and, of a contact link, its id. What stands in the fixed data must be right at
 * once: another one, or the same sealed again, is another link for the server.
 * @throws EncodeError `LARGE` beyond 1941 bytes of fixed or 13717 of user data
 */
export function sealLinkData(
  options: SealLinkDataOptions,
): SealedLinkData & { readonly linkKey: Uint8Array; readonly linkId: Uint8Array | null } {
  const { user, rootKey, userSigningKey = rootKey, nonces } = options
  if (options.fixed.connReq.type !== user.type) {
    throw new EncodeError('RANGE', 'expected fixed and user data of the same type of link')
  }
  const fixed = encode(fixedLinkData(user.type), { ...options.fixed, rootKey: rootKey.publicKey })
  const linkKey = linkKeyOf(fixed)
  const { dataKey, linkId } = deriveLinkKeys(user.type, linkKey)
  const fixedNonce = nonces?.fixed ?? randomBytes(nonceLength)
  const fixedData = sealLinkItem('fixed', dataKey, rootKey, fixedNonce, fixed)
  return { linkKey, linkId, fixedData, userData: sealUserData(linkKey, user, userSigningKey, nonces?.user) }
}

/**
 * New user data of a link that is there: `LSET` sends it with the fixed data as it was sealed at first.
 * @throws EncodeError `LARGE` beyond 13717 bytes; LinkError for a link key of another length
 */
export function sealUserData(
  linkKey: Uint8Array,
  user: UserLinkData,
  signingKey: PrivateKey<'ed25519'>,
  nonce: Uint8Array = randomBytes(nonceLength),
): Uint8Array {
  const { dataKey } = deriveLinkKeys(user.type, linkKey)
  return sealLinkItem('user', dataKey, signingKey, nonce, encode(userLinkData(user.type), user))
}

/**
 * Decrypts and checks what a server answers about a link: everything but whether it is that queue (`requestAt`).
 * @throws PeerError `A_CRYPTO` if it was not made with this key, `A_MESSAGE` if it cannot be read, `A_LINK` if it is not what
 *   the link promises; LinkError for a link key of another length
 */
export function openLinkData(
  type: LinkType,
  linkKey: Uint8Array,
  sealed: SealedLinkData,
): { readonly fixed: FixedLinkData; readonly user: UserLinkData } {
  const { dataKey } = deriveLinkKeys(type, linkKey)
  const open = (item: Uint8Array) => fromPeer('link data', () => openUnverifiedLinkItem(dataKey, item))
  const fixedItem = open(sealed.fixedData)
  const userItem = open(sealed.userData)
  if (!equalBytes(linkKeyOf(fixedItem.data), linkKey)) throw refused('link data hash: expected that of the link')
  const fixed = fromPeer('fixed link data', () => decode(fixedLinkData(type), fixedItem.data))
  if (!isSignedBy(fixed.rootKey, fixedItem.data, fixedItem.signature)) {
    throw refused('link data signature: expected one by the root key')
  }
  const user = fromPeer('user link data', () => decode(userLinkData(type), userItem.data))
  const keys = signingKeys(fixed.rootKey, user.type === 'contact' ? user.owners : [])
  if (!keys.some((key) => isSignedBy(key, userItem.data, userItem.signature))) {
    throw refused('user data signature: expected one by the root key or an owner')
  }
  return { fixed, user }
}

const refused = (message: string) => new PeerError('A_LINK', message)

/**
 * The request of link data that `server` gave for a queue of its own, with the address by which we know that server.
 * @throws PeerError `A_LINK` if the request is about another queue
 */
export function requestAt<R extends ConnectionRequest>(server: ServerAddress, senderId: Uint8Array, request: R): R {
  const [queue, ...others] = request.queues
  const isHere = queue?.server.hosts.some(({ text }) => text === server.hosts[0]?.text)
  if (!queue || !isHere || !equalBytes(queue.senderId, senderId)) {
    throw refused('different address: expected the queue that the link belongs to')
  }
  return { ...request, queues: [{ ...queue, server }, ...others] }
}
