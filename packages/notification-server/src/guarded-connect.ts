// Spec 03 §1, issue texts: connecting to SMP servers that clients name, and not to what is in the network of the operator.

import { lookupName } from '@smpkit/push-providers/internal'
import type { Connect } from '@smpkit/smp-client'
import {
  type AddressPolicy,
  addressPolicy,
  checkAddresses,
  type Host,
  type ServerAddress,
} from '@smpkit/smp-commands/address'
import {
  type ConnectOptions,
  connectSmp,
  connectThroughSocks,
  type IsolatingProxy,
  SmpTransportError,
} from '@smpkit/smp-transport'

export interface GuardedConnectOptions {
  /** Networks (`10.0.0.0/8`) and addresses that may be connected to although they are not global unicast. Default: none. */
  readonly allow?: readonly string[]
  /**
   * A SOCKS5 proxy, as that of Tor: without one `.onion` hosts are left out. `for`: only for `.onion` hosts, which then come after the
   * others, or for all. With `all` names are resolved by the proxy, which has to keep to public addresses itself, as Tor does.
   */
  readonly socks?: Omit<IsolatingProxy, 'onion'> & { readonly for?: 'onion' | 'all' }
  /**
   * For all connections. `lookup` gives all IP addresses of a name; default: the system's name servers, then its file of hosts. It must not let names whose servers are silent keep others waiting, as `dns.lookup` does.
   */
  readonly connect?: Omit<ConnectOptions, 'socks' | 'allowAddress' | 'service' | 'signal'>
}

/**
 * A `connect` for pools that goes only to global unicast addresses, and to those that were checked: a name is resolved once, and not used
 * if any of its addresses is another. Its error is `REFUSED_ADDRESS` or `HOST` where there is nothing that may be connected to.
 * @throws AddressError for a network that is none
 */
export function guardedConnect({ allow = [], socks, connect = {} }: GuardedConnectOptions = {}): Connect {
  const allowAddress = addressPolicy({ allow })
  const { for: use = 'onion', ...proxy } = socks ?? {}
  const through = (onion: IsolatingProxy['onion']) =>
    socks && connectThroughSocks({ ...(proxy as IsolatingProxy), onion }, connect)
  const byProxy = through(use === 'all' ? 'prefer' : 'require')
  if (use === 'all' && byProxy) {
    return async (server, options) => byProxy(forProxy(server, allowAddress), options)
  }
  const direct = { ...connect, allowAddress, lookup: guardedLookup(connect.lookup ?? lookupName, allowAddress) }
  return async (server, { userId, ...options }) => {
    const hasOnion = server.hosts.some(isOnion)
    try {
      return await connectSmp(server, { ...direct, ...options })
    } catch (error) {
      if (!byProxy || !hasOnion || !isWorthTrying(error)) throw error
      return byProxy(server, { ...options, userId })
    }
  }
}

const isOnion = ({ type }: Host): boolean => type === 'onion'

/** What went wrong is of the way there, and not of the server that was found. */
function isWorthTrying(error: unknown): boolean {
  const codes = ['NETWORK', 'TIMEOUT', 'TLS', 'REFUSED_ADDRESS', 'HOST']
  return error instanceof SmpTransportError && codes.includes(error.code)
}

function guardedLookup(lookup: (host: string) => Promise<readonly string[]>, allowed: AddressPolicy) {
  return async (host: string): Promise<readonly string[]> => {
    const addresses = checkAddresses(await lookup(host), allowed)
    if (!addresses) throw new SmpTransportError('REFUSED_ADDRESS', `expected only global unicast addresses of ${host}`)
    return addresses
  }
}

/** A proxy would find its own network behind addresses and behind names that only that network has. */
function forProxy(server: ServerAddress, allowed: AddressPolicy): ServerAddress {
  const hosts = server.hosts.filter((host) => isOnion(host) || isPublicName(host) || allowed(host.text))
  if (hosts.length > 0) return { ...server, hosts }
  throw new SmpTransportError('REFUSED_ADDRESS', 'expected a host of the public Internet')
}

/** A name with a top-level domain; what ends in a number may be an address in another spelling. */
function isPublicName({ type, text }: Host): boolean {
  if (type !== 'domain') return false
  const labels = text.replace(/\.$/, '').split('.')
  const last = labels.at(-1) ?? ''
  return labels.length > 1 && !/^(\d+|0x[\da-f]*)$/i.test(last) && !privateDomains.has(last.toLowerCase())
}

/** RFC 6761, 6762, 8375, and `internal`. */
const privateDomains: ReadonlySet<string> = new Set(['localhost', 'local', 'internal', 'home', 'lan', 'arpa'])
