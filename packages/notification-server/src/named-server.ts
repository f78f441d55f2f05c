// Spec 30 §5: the SMP servers that clients name.
import { toBase64url } from '@smpkit/encoding'
import { parseServerAddress, portOf, type ServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'
import { NotificationServerError } from './errors.js'
import type { Limits } from './limits.js'

/** Where a queue is. */
export interface NamedServer {
  /** The key of the server in rows. */
  readonly server: string
  /** As its owner knows it. */
  readonly address: string
}

/**
 * The key of the server, and its address as text. `known` are those that were read before, by their text: most clients name one server
 * again and again.
 * @throws NotificationServerError BAD_REQUEST
 */
export function readServer(
  given: ServerAddress | string,
  limits: Limits,
  known: Map<string, NamedServer>,
): NamedServer {
  try {
    const text =
      typeof given === 'string'
        ? given
        : serverAddressToText({ hosts: given.hosts, port: given.port, keyHash: given.keyHash })
    const before = known.get(text)
    if (before) return before
    const parsed = parseServerAddress(text, 'smp')
    portOf(parsed)
    const address = serverAddressToText(parsed)
    if (parsed.password === null && parsed.keyHash.length === 32 && address.length <= limits.addressLength) {
      const place = { server: toBase64url(parsed.keyHash), address }
      known.set(text, place)
      return place
    }
  } catch (cause) {
    throw new NotificationServerError('BAD_REQUEST', 'server', 'expected the address of an SMP server', { cause })
  }
  const expected = `expected an address of at most ${limits.addressLength} characters with a hash of 32 bytes and no password`
  throw new NotificationServerError('BAD_REQUEST', 'server', expected)
}
