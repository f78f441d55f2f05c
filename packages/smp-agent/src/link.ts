// Spec 12 §12.3, §12.5: links of both forms.
import {
  agreeVersions,
  type ConnectionRequest,
  connectionRequestToText,
  type LinkScheme,
  parseConnectionRequest,
} from './connection-request.js'
import { LinkError } from './errors.js'
import { deriveLinkKeys } from './link-data.js'
import { requireLinkLength } from './link-text.js'
import { parseShortLink, type ShortLink, shortLinkToText } from './short-link.js'

/** A full link has everything that a connection needs; a short one says where it is kept. */
export type Link = ({ readonly form: 'full' } & ConnectionRequest) | ({ readonly form: 'short' } & ShortLink)

const fullLink = /^(?:simplex:|https:\/\/[^/]*)\/(?:invitation|contact)\/?#/
const anyShortLink = /^(?:simplex:|https:\/\/[^/]*)\/[iacgr]\/?#/i

const names = { invitation: 'a one-time invitation', contact: 'a contact address' } as const

/**
 * Reads what a user pasted or scanned; white space around it does not matter.
 * @param options `type`: the only one that will do
 * @throws LinkError; its message says what was expected
 */
export function parseLink(input: string, options: { readonly type?: Link['type'] } = {}): Link {
  requireLinkLength(input)
  const text = input.trim()
  const link = parseEither(text)
  requireWhole(link)
  if (link.form === 'full') agreeVersions(link)
  if (options.type && link.type !== options.type) {
    throw new LinkError('TYPE', `expected ${names[options.type]}, got ${names[link.type]}`)
  }
  return link
}

function parseEither(text: string): Link {
  if (text === '') throw new LinkError('SYNTAX', 'expected a link, got no text')
  if (/\s/.test(text)) throw new LinkError('SYNTAX', 'expected a link, got text with white space in it')
  if (fullLink.test(text)) return { form: 'full', ...parseConnectionRequest(text) }
  if (anyShortLink.test(text)) return { form: 'short', ...parseShortLink(text) }
  throw new LinkError(
    'SYNTAX',
    'expected a link: simplex:/ or https://host/, then invitation, contact, i, a, c, g or r, then #',
  )
}

/** What was cut may still be base64url. A short link may leave the fingerprint to a list of presets. */
function requireWhole(link: Link): void {
  if (link.form === 'short') deriveLinkKeys(link.type, link.linkKey)
  const server = link.form === 'short' ? link.server : link.queues[0]?.server
  const length = server?.keyHash.length ?? 0
  if (length === 0 || length === 32) return
  throw new LinkError('SYNTAX', `expected a link with a server fingerprint of 32 bytes, got ${length}: it may be cut`)
}

/**
 * Writes what `parseLink` reads. `scheme` is for full links; a short one has its own.
 * @throws EncodeError, AddressError for values that no text can say
 */
export function linkToText(link: Link, options: { readonly scheme?: LinkScheme } = {}): string {
  return link.form === 'full' ? connectionRequestToText(link, options.scheme) : shortLinkToText(link)
}
