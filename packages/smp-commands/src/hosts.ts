// Spec 01 §3: the hosts of a server address.
import { type Codec, text } from '@smpkit/encoding'
import { AddressError } from './errors.js'

/** A host of a server. `text` is in its canonical form: IP addresses are normalised, IPv6 has no brackets. */
export interface Host {
  readonly type: 'ipv4' | 'ipv6' | 'onion' | 'domain'
  readonly text: string
}

const isByte = (decimal: string) => Number(decimal) <= 255

/** Groups of an IPv6 address, the last two possibly written as IPv4; `undefined` for anything else. */
function ipv6Groups(text: string): number[] | undefined {
  if (text === '') return []
  const dotted = /^(.*:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (dotted) {
    if (!dotted.slice(2).every(isByte)) return undefined
    const [a, b, c, d] = dotted.slice(2).map((byte) => Number(byte).toString(16).padStart(2, '0'))
    return ipv6Groups(`${dotted[1] ?? ''}${a}${b}:${c}${d}`)
  }
  const groups = text.split(':')
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  return groups.map((group) => Number.parseInt(group, 16))
}

/** The eight groups of an IPv6 address, or `undefined`. */
export function parseIpv6(text: string): readonly number[] | undefined {
  const [before = '', after, ...more] = text.split('::')
  // IPv4 only ends an address.
  if (more.length > 0 || (after !== undefined && before.includes('.'))) return undefined
  const head = ipv6Groups(before)
  const end = ipv6Groups(after ?? '')
  if (!head || !end) return undefined
  const missing = 8 - head.length - end.length
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  return [...head, ...new Array<number>(missing).fill(0), ...end]
}

/** The canonical text of RFC 5952, IPv4-mapped addresses with a dotted end. */
export function ipv6ToText(groups: readonly number[]): string {
  let start = 0
  let longest = 1
  for (let from = 0, at = 0; at <= 8; at++) {
    if (at < 8 && groups[at] === 0) continue
    if (at - from > longest) [start, longest] = [from, at - from]
    from = at + 1
  }
  const hex = groups.map((group) => group.toString(16))
  if (start === 0 && longest === 5 && groups[5] === 0xffff) {
    const [high, low] = groups.slice(6) as [number, number]
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  }
  if (longest === 1) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + longest).join(':')}`
}

/** Reads a host by the rules of 01 §3 and 06 §9.3: what begins like one kind is no other kind. */
function hostOf(text: string): Host | undefined {
  const dotted = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(.*)$/s.exec(text)
  if (dotted?.slice(1, 4).every(isByte)) {
    const bytes = dotted.slice(1, 5)
    return dotted[5] === '' && bytes.every(isByte) ? { type: 'ipv4', text: bytes.map(Number).join('.') } : undefined
  }
  const bracketed = /^\[(.*)\]$/s.exec(text)
  if (bracketed || text.includes(':')) {
    const groups = parseIpv6(bracketed?.[1] ?? text)
    return groups && { type: 'ipv6', text: ipv6ToText(groups) }
  }
  if (/^[a-z0-9]*\.onion/.test(text)) return /^[a-z0-9]+\.onion$/.test(text) ? { type: 'onion', text } : undefined
  // Also no control characters: a host stands in lines of logs and of protocols.
  const isDomain = /^[^:#,;/[\]\s\p{Cc}]+$/u.test(text) && !text.endsWith('.onion')
  return isDomain ? { type: 'domain', text } : undefined
}

/** @throws AddressError */
export function parseHost(text: string): Host {
  const host = hostOf(text)
  if (!host) throw new AddressError('expected a host: IPv4, IPv6, .onion or domain')
  return host
}

/** The text form of a host with one length byte; IPv6 is written without brackets and read with or without them. */
export const host: Codec<Host> = {
  write: (w, v) => text.write(w, v.text),
  read(r) {
    const at = r.position
    const value = hostOf(text.read(r))
    if (!value) throw r.invalid('expected a host', at)
    return value
  },
}
