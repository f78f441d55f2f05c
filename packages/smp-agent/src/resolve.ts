// Spec 12 §12.8: reading what a link leads to.
import { find, get, put, type Row, remove, update, type Write } from '@smpkit/agent-store'
import { type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { getLinkData, type LinkData, secureByLink } from '@smpkit/smp-client'
import type { QueueUri } from '@smpkit/smp-commands/address'
import { agreeVersions, type ConnectionRequest } from './connection-request.js'
import type { Context } from './context.js'
import { LinkError } from './errors.js'
import { isReply } from './failures.js'
import { type Link, parseLink } from './link.js'
import { deriveLinkKeys, type FixedLinkData, openLinkData, requestAt, type UserLinkData } from './link-data.js'
import { serverToText } from './queues.js'
import { requireServer, type ShortContactLink, type ShortInvitationLink } from './short-link.js'

export interface ResolveOptions {
  /** Whose question it is: those of different users never share a session with a server. Default: one user. */
  readonly userId?: string
  readonly signal?: AbortSignal
}

export interface ResolvedLink {
  readonly link: Link
  /** What `join` takes, too. */
  readonly request: ConnectionRequest
  /** What the owner of a short link says, checked; `null` for a full link. Its `user.userData` is for the application. */
  readonly data: { readonly fixed: FixedLinkData; readonly user: UserLinkData } | null
}

/**
 * Finds out what a link leads to. A one-time invitation with a short link is ours from then on, to be read again and joined: nobody else can.
 * @throws LinkError, `GONE` where others were first; PeerError `A_LINK`, `A_CRYPTO`, `A_MESSAGE` if the server's answer is not what the link
 *   promises; SmpError of the network, with `temporary`
 */
export async function resolve(context: Context, text: string, options: ResolveOptions = {}): Promise<ResolvedLink> {
  const link = parseLink(text)
  if (link.form === 'full') {
    const { form: _, ...request } = link
    return { link, request, data: null }
  }
  const known = requireServer(link, context.network.presets)
  const answer =
    known.type === 'invitation' ? await secure(context, known, options) : await read(context, known, options)
  const data = openLinkData(known.type, known.linkKey, answer)
  const request = requestAt(known.server, answer.senderId, data.fixed.connReq)
  agreeVersions(request)
  return { link, request, data }
}

/** What `resolve` finds, if it can be joined. @throws as `resolve`; LinkError `TYPE` */
export async function resolveToJoin(
  context: Context,
  link: string,
  options: ResolveOptions,
): Promise<ConnectionRequest> {
  const { request, data } = await resolve(context, link, options)
  if (data?.user.type === 'contact' && !data.user.direct) {
    throw new LinkError('TYPE', 'expected an address to connect to, got one that names relays instead')
  }
  return request
}

async function read(
  { network }: Context,
  { server, linkKey }: ShortContactLink,
  { userId = '', signal }: ResolveOptions,
): Promise<LinkData> {
  const { linkId } = deriveLinkKeys('contact', linkKey)
  if (!linkId) throw new TypeError('expected the link id of a contact link')
  const requester = network.sender(server, userId)
  return getLinkData(requester, linkId, signal ? { signal } : {}).catch(
    gone('the address was deleted, or the link is mistyped'),
  )
}

/** `LKEY` secures the queue for good, so the key is stored before. */
async function secure(
  context: Context,
  { server, linkId, linkKey }: ShortInvitationLink,
  { userId = '', signal }: ResolveOptions,
): Promise<LinkData> {
  const { store, network } = context
  const key = { server: serverToText(server), linkId }
  const fresh = {
    ...key,
    linkKey,
    senderKey: PrivateKey.generate('ed25519').toDer(),
    senderId: new Uint8Array(0),
    createdAt: context.now(),
  }
  const { senderKey } = await store.atomic({ known: get('shortLinks', key) }, ({ known }) => {
    // Who mistyped the link's key has secured the queue all the same: the right link needs the key with which it was done.
    const row = known ? { ...known, linkKey } : fresh
    return { writes: [put('shortLinks', row)], result: row }
  })
  const answer = await secureByLink(
    network.sender(server, userId),
    linkId,
    PrivateKey.fromDer(senderKey) as PrivateAuthKey,
    signal ? { signal } : {},
  ).catch(gone('somebody has used the invitation, it was deleted or has expired, or the link is mistyped'))
  const { senderId } = answer
  await store.atomic({ known: get('shortLinks', key) }, ({ known }) => ({
    writes: known ? [update('shortLinks', key, { senderId: senderId.slice() })] : [],
    result: undefined,
  }))
  return answer
}

/** The server does not tell more than that it has nothing for us. */
function gone(why: string): (cause: unknown) => never {
  return (cause) => {
    if (!isReply(cause, 'AUTH')) throw cause
    throw new LinkError('GONE', `expected something behind the link: ${why}`, { cause })
  }
}

/** The key with which we have secured a queue by its short link, if we have. */
export const securedQuery = ({ server, senderId }: QueueUri) =>
  find('shortLinks', 'bySender', { server: serverToText(server), senderId }, 1)

export const senderKeyOfLink = ({ senderKey }: Row<'shortLinks'>): PrivateAuthKey =>
  PrivateKey.fromDer(senderKey) as PrivateAuthKey

/** The queue's row has its key from now on. */
export const forgetLink = ({ server, linkId }: Row<'shortLinks'>): Write => remove('shortLinks', { server, linkId })
