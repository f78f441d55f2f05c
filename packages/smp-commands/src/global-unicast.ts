// RFC 6890 and IANA's registries: which IP addresses a server may connect to for a stranger, who could mean its own network.
import { AddressError } from './errors.js'
import { ipv6ToText, parseIpv6 } from './hosts.js'

/** Whether an IP address in text may be connected to. */
export type AddressPolicy = (ip: string) => boolean

/** An IP address as its 4 or 16 bytes. */
type Bytes = readonly number[]

/** Decimal and without leading zeros, which some systems read as octal. */
const dotted = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/

function ipv4Bytes(text: string): Bytes | undefined {
  const bytes = dotted.test(text) ? text.split('.').map(Number) : []
  return bytes.length === 4 && bytes.every((byte) => byte <= 255) ? bytes : undefined
}

function ipv6Bytes(text: string): Bytes | undefined {
  const end = text.slice(text.lastIndexOf(':') + 1)
  if (!text.includes(':') || (end.includes('.') && !dotted.test(end))) return undefined
  return parseIpv6(text)?.flatMap((group) => [group >> 8, group & 255])
}

/** Without brackets, without a zone: an address that means another host on each link is none to be given by strangers. */
const bytesOf = (text: string): Bytes | undefined => ipv4Bytes(text) ?? ipv6Bytes(text)

interface Network {
  readonly bytes: Bytes
  /** In bits. */
  readonly length: number
}

function contains({ bytes, length }: Network, address: Bytes): boolean {
  if (bytes.length !== address.length) return false
  for (let at = 0; at * 8 < length; at++) {
    const bits = Math.min(8, length - at * 8)
    if (((bytes[at] ?? 0) ^ (address[at] ?? 0)) >> (8 - bits) !== 0) return false
  }
  return true
}

/** `ADDRESS/LENGTH`, or one address. @throws AddressError */
function parseNetwork(text: string): Network {
  const [address = '', suffix, ...more] = text.split('/')
  const bytes = more.length === 0 ? bytesOf(address) : undefined
  if (!bytes) throw new AddressError(`expected a network such as 10.0.0.0/8 or fd00::/8, got ${JSON.stringify(text)}`)
  const longest = bytes.length * 8
  const length = suffix === undefined ? longest : /^\d{1,3}$/.test(suffix) ? Number(suffix) : Number.NaN
  if (!(length <= longest)) {
    throw new AddressError(`expected a prefix of 0 to ${longest} bits, got ${JSON.stringify(text)}`)
  }
  if (bytes.some((byte, at) => (byte & (0xff >> Math.min(8, Math.max(0, length - at * 8)))) !== 0)) {
    throw new AddressError(`expected a network that has no bits after its prefix, got ${JSON.stringify(text)}`)
  }
  if (contains(mapped, bytes)) {
    throw new AddressError(`expected IPv4 in its own form, as in 10.0.0.0/8, got ${JSON.stringify(text)}`)
  }
  return { bytes, length }
}

// IPv4 inside of IPv6, and how much precedes it.
const mapped: Network = { bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], length: 96 }
const nat64 = parseNetwork('64:ff9b::/96')
const sixToFour = parseNetwork('2002::/16')
const teredo = parseNetwork('2001::/32')

/** An address as the network takes it: `::ffff:7f00:1` is 127.0.0.1, and has no other name. */
const unmapped = (address: Bytes): Bytes => (contains(mapped, address) ? address.slice(12) : address)

/** The IPv4 addresses to which an IPv6 address leads: of Teredo those of its server and of its client. */
function embedded(address: Bytes): readonly Bytes[] {
  if (contains(nat64, address)) return [address.slice(12)]
  if (contains(sixToFour, address)) return [address.slice(2, 6)]
  if (contains(teredo, address)) return [address.slice(4, 8), address.slice(12).map((byte) => byte ^ 0xff)]
  return []
}

/** What IANA's registry of IPv4 special-purpose addresses has that is not globally reachable, multicast and what is reserved. */
const special = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
].map(parseNetwork)

/**
 * Of IPv6 only this is global unicast (private NAT64, unique local, link-local, discard, segment routing and multicast lie outside), and
 * in it protocol assignments and documentation are not.
 */
const unicast = parseNetwork('2000::/3')
const specialUnicast = ['2001::/23', '2001:db8::/32', '3fff::/20'].map(parseNetwork)

function isGlobal(address: Bytes): boolean {
  if (address.length === 4) return !special.some((network) => contains(network, address))
  const inside = embedded(address)
  if (inside.length > 0) return inside.every(isGlobal)
  return contains(unicast, address) && !specialUnicast.some((network) => contains(network, address))
}

/**
 * Whether an IP address is of the public Internet. What leads to IPv4 (mapped, NAT64, 6to4, Teredo) is what it leads to. Only
 * the usual spelling is an address: no brackets, no zone, no octal, hexadecimal or shortened numbers.
 */
export function isGlobalUnicast(ip: string): boolean {
  const address = bytesOf(ip)
  return address !== undefined && isGlobal(unmapped(address))
}

/**
 * Global unicast, and what an operator allows besides: networks such as `10.0.0.0/8`, or single addresses. Those of IPv4 do not hold for
 * what only leads to them through NAT64, 6to4 or Teredo.
 * @throws AddressError
 */
export function addressPolicy({ allow = [] }: { readonly allow?: readonly string[] } = {}): AddressPolicy {
  const networks = allow.map(parseNetwork)
  return (ip) => {
    const address = bytesOf(ip)
    if (!address) return false
    const plain = unmapped(address)
    return isGlobal(plain) || networks.some((network) => contains(network, plain))
  }
}

/**
 * What a name was resolved to, in the usual spelling (`127.0.0.1` for `::ffff:7f00:1`), or `undefined` if one of it may not be
 * connected to: then the name is not used at all. Who connects takes these addresses, and does not resolve the name again.
 */
export function checkAddresses(addresses: readonly string[], allowed: AddressPolicy): readonly string[] | undefined {
  const usual: string[] = []
  for (const text of addresses) {
    const address = bytesOf(text)
    const ip = address && spell(unmapped(address))
    if (ip === undefined || !allowed(ip)) return undefined
    usual.push(ip)
  }
  return usual
}

function spell(address: Bytes): string {
  if (address.length === 4) return address.join('.')
  const groups = Array.from({ length: 8 }, (_, at) => ((address[2 * at] ?? 0) << 8) | (address[2 * at + 1] ?? 0))
  return ipv6ToText(groups)
}
