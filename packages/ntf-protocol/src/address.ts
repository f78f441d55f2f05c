// Spec 20 §13: addresses of notification servers.
import {
  AddressError,
  parseServerAddress,
  portOf,
  type ServerAddress,
  serverAddressToText,
} from '@smpkit/smp-commands/address'
import { ntfDefaultPort } from './versions.js'

/** Reads `ntf://keyHash@host[,host…][:port]`. @throws AddressError */
export function parseNtfAddress(text: string): ServerAddress {
  const { hosts, port, keyHash, password } = parseServerAddress(text, 'ntf')
  if (password !== null) throw new AddressError('expected the address of a notification server without a password')
  return { hosts, port, keyHash }
}

/**
 * Writes an address that `parseNtfAddress` reads; `brackets: false` leaves out those of an IPv6 host before a port, as the
 * reference does, and such a text cannot be read back.
 * @throws AddressError
 */
export function ntfAddressToText(address: ServerAddress, options: { readonly brackets?: boolean } = {}): string {
  const { hosts, port, keyHash } = address
  return serverAddressToText({ hosts, port, keyHash, scheme: 'ntf' }, options)
}

/** The port to connect to: 443 where the address names none. @throws AddressError if the number is no port */
export const ntfPortOf = (address: Pick<ServerAddress, 'port'>): number => portOf(address, ntfDefaultPort)
