// Spec 01 §3: server addresses, as text and as in PRXY.
import { type Codec, fromBase64url, list, record, shortBytes, text, toBase64url } from '@smpkit/encoding'
import { AddressError } from './errors.js'
import { type Host, host, parseHost } from './hosts.js'

export type ServerScheme = 'smp' | 'ntf' | 'xftp'

/** Where a server is and which certificate it must have. */
export interface ServerAddress {
  /** At least one; all lead to the same server. */
  readonly hosts: readonly Host[]
  /** Empty for the default port. Any text where the address came in binary form: see `portOf`. */
  readonly port: string
  /** SHA-256 of the identity certificate; 32 bytes in a useful address. */
  readonly keyHash: Uint8Array
}

export interface ParsedServerAddress extends ServerAddress {
  readonly scheme: ServerScheme
  /** Who may create queues on the server (basic auth); no part of queue addresses. */
  readonly password: string | null
}

/** The port of an address that names none (03 §1). */
export const defaultPort = 5223

/** The layout of `PRXY`. Arrays that it reads are views. */
export const serverAddress: Codec<ServerAddress> = record<ServerAddress>({
  hosts: list(host, 1),
  port: text,
  keyHash: shortBytes,
})

/** The bytes of base64url. @throws AddressError */
export function bytesOf(text: string, name: string): Uint8Array {
  try {
    return fromBase64url(text)
  } catch (cause) {
    throw new AddressError(`expected ${name} in base64url`, { cause })
  }
}

/** One or more hosts separated by commas, without a port. @throws AddressError */
export function parseHosts(text: string): Host[] {
  return text.split(',').map(parseHost)
}

/**
 * The last host of an address may be followed by a port; IPv6 needs brackets then. Any number is read, as all peers do:
 * `portOf` refuses what is no port.
 */
function splitPort(text: string): [hosts: string, port: string] {
  const last = text.slice(text.lastIndexOf(',') + 1)
  const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(last)
  if (!match) return [text, '']
  const [, host = '', port = ''] = match
  return [text.slice(0, text.length - last.length) + host, port.replace(/^0+(?=\d)/, '')]
}

/** Printable characters other than white space, `@`, `:` and `/`. */
function requirePassword(password: string): void {
  if (!/^[^@:/\s\p{Cc}]+$/u.test(password)) throw new AddressError('expected a password without spaces, @, : and /')
}

/**
 * Reads `scheme://keyHash[:password]@host[,host…][:port]`; `scheme` is the only one allowed if given. The arrays are the
 * caller's own.
 * @throws AddressError
 */
export function parseServerAddress(text: string, scheme?: ServerScheme): ParsedServerAddress {
  const match = /^(smp|ntf|xftp):\/\/([\w=-]+)(?::([^@]*))?@(.+)$/s.exec(text)
  if (!match) throw new AddressError('expected scheme://keyHash[:password]@host[,host][:port]')
  if (scheme && match[1] !== scheme) throw new AddressError(`expected the scheme ${scheme}, got ${match[1]}`)
  if (match[3] !== undefined) requirePassword(match[3])
  const [hosts, port] = splitPort(match[4] as string)
  return {
    scheme: match[1] as ServerScheme,
    password: match[3] ?? null,
    hosts: parseHosts(hosts),
    port,
    keyHash: bytesOf(match[2] as string, 'a key hash'),
  }
}

/**
 * Writes an address that `parseServerAddress` reads; scheme `smp` and no password unless it has them. An IPv6 host before a port
 * stands in brackets; `brackets: false` leaves them out as the reference does, and such a text cannot be read back.
 * @throws AddressError if the port is no number, as it may be in an address that came in binary form, or if the password
 *   cannot be written
 */
export function serverAddressToText(
  address: ServerAddress & Partial<Pick<ParsedServerAddress, 'scheme' | 'password'>>,
  options: { readonly brackets?: boolean } = {},
): string {
  const { hosts, port, keyHash, scheme = 'smp', password = null } = address
  if (!/^\d*$/.test(port)) throw new AddressError('expected an empty or decimal port')
  if (password !== null) requirePassword(password)
  const last = hosts.at(-1)
  if (!last || keyHash.length === 0) throw new AddressError('expected a key hash and at least one host')
  const bracketed = last.type === 'ipv6' && port !== '' && options.brackets !== false
  const names = [...hosts.slice(0, -1).map((h) => h.text), bracketed ? `[${last.text}]` : last.text]
  return `${scheme}://${toBase64url(keyHash)}${password === null ? '' : `:${password}`}@${names}${port && `:${port}`}`
}

/**
 * The port to connect to: `otherwise`, 5223 for SMP, for an empty or non-numeric port (03 §1).
 * @throws AddressError if the number is no port
 */
export function portOf(address: Pick<ServerAddress, 'port'>, otherwise = defaultPort): number {
  if (!/^\d+$/.test(address.port)) return otherwise
  const number = Number(address.port)
  if (number < 1 || number > 65535) throw new AddressError('expected a port from 1 to 65535')
  return number
}

/** Whether two addresses lead to the same server: equal hosts and port, whatever the key hash (01 §3). */
export function sameServer(a: ServerAddress, b: ServerAddress): boolean {
  return a.port === b.port && a.hosts.length === b.hosts.length && a.hosts.every((h, i) => h.text === b.hosts[i]?.text)
}

/** A key for maps that tells addresses apart by all their fields. */
export function serverKey(address: ServerAddress): string {
  return JSON.stringify([toBase64url(address.keyHash), address.port, ...address.hosts.map((h) => h.text)])
}
