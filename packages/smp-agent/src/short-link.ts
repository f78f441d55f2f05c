// Spec 12 §12.5: short links, as text and as inside of link data.
import { constantTimeEqual } from '@smpkit/crypto'
import {
  type Codec,
  DecodeError,
  EncodeError,
  fromBase64url,
  letters,
  mapped,
  record,
  shortBytes,
  tagged,
  toBase64urlUnpadded,
  type Value,
} from '@smpkit/encoding'
import { defaultPort, type Host, parseHost, type ServerAddress, serverAddress } from '@smpkit/smp-commands/address'
import { parseQuery, queryToText } from '@smpkit/smp-commands/internal'
import { LinkError } from './errors.js'
import { readLink } from './link-text.js'

/** What a contact link leads to. */
const contactType = letters({ A: 'address', C: 'channel', G: 'group', R: 'relay' })
export type ContactType = Value<typeof contactType>

const contactTypes = { a: 'address', c: 'channel', g: 'group', r: 'relay' } as const
const contactLetters = Object.fromEntries(Object.entries(contactTypes).map(([letter, type]) => [type, letter]))

interface ShortLinkBase {
  /** Whether the text begins with `simplex:` or with the server's first host. */
  readonly scheme: 'simplex' | 'server'
  /** Where only its host is known, `port` and `keyHash` are empty: see `requireServer`. */
  readonly server: ServerAddress
  /** 32 bytes in a useful link. */
  readonly linkKey: Uint8Array
}

export interface ShortInvitationLink extends ShortLinkBase {
  readonly type: 'invitation'
  /** 24 bytes, chosen by the server. */
  readonly linkId: Uint8Array
}

/** Its link id follows from the key. */
export interface ShortContactLink extends ShortLinkBase {
  readonly type: 'contact'
  readonly contactType: ContactType
}

export type ShortLink = ShortInvitationLink | ShortContactLink

/** A codec of links, whose scheme is not written: it reads as `server`. */
function withoutScheme<T extends object>(codec: Codec<T>): Codec<T & { readonly scheme: ShortLink['scheme'] }> {
  return mapped(
    codec,
    (link) => ({ ...link, scheme: 'server' as const }),
    (link) => link,
  )
}

/** Arrays that it reads are views. */
export const shortLink: Codec<ShortLink> = withoutScheme(
  tagged('type', letters({ I: 'invitation', C: 'contact' }), {
    invitation: record({ server: serverAddress, linkId: shortBytes, linkKey: shortBytes }),
    contact: record({ contactType, server: serverAddress, linkKey: shortBytes }),
  }),
)

const pattern = /^(?:simplex:|https:\/\/([^/#?\s]+))\/([iacgrACGR])\/?#(?:([\w=-]+)\/)?([\w=-]+)(?:\?(\S*))?$/

/**
 * Reads the text of a short link. The lengths of id and key are not checked.
 * @throws LinkError `LENGTH`, `SYNTAX`
 */
export function parseShortLink(text: string): ShortLink {
  return readLink(text, 'a short link', pattern, ([, authority, letter = '', idText, keyText = '', query = '']) => {
    if ((letter === 'i') !== (idText !== undefined)) throw syntax('id/key behind /i#, only a key behind other letters')
    const link = {
      scheme: authority === undefined ? ('simplex' as const) : ('server' as const),
      server: parseServer(authority, query),
      linkKey: fromBase64url(keyText),
    }
    if (idText !== undefined) return { type: 'invitation', ...link, linkId: fromBase64url(idText) }
    const contactType = contactTypes[letter.toLowerCase() as keyof typeof contactTypes]
    return { type: 'contact', ...link, contactType }
  })
}

const syntax = (expected: string) => new DecodeError('invalid', `expected ${expected}`, 0)

function parseServer(authority: string | undefined, query: string): ServerAddress {
  const params = parseQuery(query)
  const others = params.get('h')
  const hosts = [...(authority === undefined ? [] : [authority]), ...(others ? others.split(',') : [])].map(parseHost)
  if (hosts.length === 0) throw syntax('a server in h=')
  const keyHash = params.get('c')
  return {
    hosts,
    port: parsePort(params.get('p')),
    keyHash: keyHash === null ? new Uint8Array(0) : fromBase64url(keyHash),
  }
}

const isPort = (text: string) => /^\d+$/.test(text) && Number(text) <= 65535

/** Leading zeros are dropped. */
function parsePort(text: string | null): string {
  if (text === null) return ''
  if (!isPort(text)) throw syntax('a port from 0 to 65535 in p=')
  return `${Number(text)}`
}

/**
 * Writes what `parseShortLink` reads.
 * @throws EncodeError `RANGE` if there is no host, an empty id or key, or a port that is no number
 */
export function shortLinkToText(link: ShortLink): string {
  const { scheme, server, linkKey } = link
  const [first, ...rest] = server.hosts
  if (!first || linkKey.length === 0) throw new EncodeError('RANGE', 'expected a short link with a host and a key')
  if (server.port !== '' && !isPort(server.port)) {
    throw new EncodeError('RANGE', 'expected a short link with a port from 0 to 65535')
  }
  const hosts = scheme === 'simplex' ? server.hosts : rest
  const params: [string, string][] = []
  if (hosts.length > 0) params.push(['h', hosts.map((host) => host.text).join(',')])
  if (server.port !== '') params.push(['p', server.port])
  if (server.keyHash.length > 0) params.push(['c', toBase64urlUnpadded(server.keyHash)])
  const authority = scheme === 'simplex' ? 'simplex:' : `https://${authorityOf(first)}`
  return `${authority}/${pathOf(link)}${params.length > 0 ? `?${queryToText(params)}` : ''}`
}

function pathOf(link: ShortLink): string {
  const key = toBase64urlUnpadded(link.linkKey)
  if (link.type === 'contact') return `${contactLetters[link.contactType]}#${key}`
  if (link.linkId.length === 0) throw new EncodeError('RANGE', 'expected a short link with an id')
  return `i#${toBase64urlUnpadded(link.linkId)}/${key}`
}

/** IPv6 in brackets, as browsers need it. */
const authorityOf = ({ type, text }: Host) => (type === 'ipv6' ? `[${text}]` : text)

/** The web's port, which the servers also listen on, and the own one: both are the same as none. */
const defaultPorts = ['', '443', `${defaultPort}`]

export function samePort(a: string, b: string): boolean {
  return a === b || ((a === '' || b === '') && defaultPorts.includes(a) && defaultPorts.includes(b))
}

const firstHost = ({ hosts }: ServerAddress) => hosts[0]?.text

/** Leaves of a preset server only its first host, and any other link as it is. */
export function shortenLink<L extends ShortLink>(link: L, presets: readonly ServerAddress[]): L {
  const { hosts, port, keyHash } = link.server
  const isPreset = presets.some(
    (preset) =>
      firstHost(preset) === firstHost(link.server) &&
      hosts.every(({ text }) => preset.hosts.some((host) => host.text === text)) &&
      samePort(preset.port, port) &&
      constantTimeEqual(preset.keyHash, keyHash),
  )
  return isPreset ? { ...link, server: { hosts: hosts.slice(0, 1), port: '', keyHash: new Uint8Array(0) } } : link
}

/** Puts the preset server with that first host into a link that names only a host; leaves any other link as it is. */
export function restoreLink<L extends ShortLink>(link: L, presets: readonly ServerAddress[]): L {
  const { hosts, port, keyHash } = link.server
  if (hosts.length > 1 || port !== '' || keyHash.length > 0) return link
  const server = presets.find((preset) => firstHost(preset) === firstHost(link.server))
  return server ? { ...link, server } : link
}

/**
 * A short link whose server can be connected to: as it is, or with its server taken from the presets.
 * @throws LinkError `SERVER` if it names only the host of a server that is no preset
 */
export function requireServer<L extends ShortLink>(link: L, presets: readonly ServerAddress[]): L {
  const restored = restoreLink(link, presets)
  if (restored.server.keyHash.length > 0) return restored
  const host = firstHost(link.server)
  throw new LinkError(
    'SERVER',
    `the link does not say which certificate its server has: add smp://keyHash@${host} to the preset servers`,
  )
}
