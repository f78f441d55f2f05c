// Spec 03 §1: where a connection to a server goes.
import { lookup } from 'node:dns/promises'
import { isIP, SocketAddress } from 'node:net'
import type { Host } from '@smpkit/smp-commands/address'
import { within } from './deadline.js'
import { SmpTransportError, socketError } from './errors.js'
import type { SocksProxy } from './socks.js'

export interface TargetOptions {
  signal?: AbortSignal | undefined
  /** For one address: resolving its name, and then TCP, the proxy's part included, and TLS. Milliseconds, default 15 000. */
  connectTimeout?: number
  /** Connects through this proxy, which also resolves the names: no name of a server is looked up here. Default: directly. */
  socks?: SocksProxy | undefined
  /**
   * Asked for each address after the name is resolved, in its usual spelling: `::1`, and `127.0.0.1` for
   * `::ffff:7f00:1`. A host with one address that is refused is not connected to at all, and a connection goes to exactly an address that
   * was allowed; `addressPolicy` of `@smpkit/smp-commands/address` refuses what is not public. With `socks` names are refused, other
   * than `.onion`, as nobody can tell their addresses: leave it out where the proxy itself keeps to public addresses, as Tor does.
   */
  allowAddress?: (ip: string) => boolean
  /** All IP addresses of a name; IP addresses themselves are read by the system. Not used with `socks`. Default: the system's. */
  lookup?: (host: string) => Promise<readonly string[]>
}

/**
 * The hosts to try, in their order (03 §1): without a proxy those that are not `.onion`, whose names would only be shown to the name
 * servers; with one as its `onion` says.
 */
export function hostsToTry(hosts: readonly Host[], { socks }: Pick<TargetOptions, 'socks'>): readonly Host[] {
  const onion = hosts.filter(({ type }) => type === 'onion')
  const others = hosts.filter(({ type }) => type !== 'onion')
  if (!socks || socks.onion === 'never') return others
  return socks.onion === 'require' ? onion : [...onion, ...others]
}

/**
 * What to connect to for a host: its IP addresses, all of them allowed; with a proxy the host itself, as nobody resolves it here.
 * @throws SmpTransportError
 */
export async function targetsOf(host: Host, options: TargetOptions): Promise<readonly string[]> {
  if (options.socks) return [allowedByName(usualSpelling(host.text), options)]
  const addresses = (await resolve(host, options)).map(usualSpelling)
  if (!addresses.every(isIP)) {
    // A name would be resolved again, to an address that nobody was asked about.
    throw new SmpTransportError('NETWORK', 'expected IP addresses from the look-up, got something else')
  }
  // All of them, before the first connection: who owns a name could offer a public address and mean the other one.
  for (const address of addresses) checkAllowed(address, options)
  return addresses
}

/** @throws SmpTransportError */
async function resolve(host: Host, options: TargetOptions): Promise<readonly string[]> {
  // However it is written: the name servers would learn who is about to be visited.
  if (/\.onion\.?$/i.test(host.text)) throw new SmpTransportError('HOST', 'an .onion name is not looked up')
  const { connectTimeout = 15_000, signal } = options
  const lookup = (!isIP(host.text) && options.lookup) || systemLookup
  const deadline = { what: `resolving ${host.text}`, milliseconds: connectTimeout, signal }
  return within(deadline, async () => {
    try {
      const addresses = await lookup(host.text)
      if (addresses.length > 0) return addresses
    } catch (cause) {
      throw socketError(cause as Error)
    }
    throw new SmpTransportError('NETWORK', `expected addresses of ${host.text}, got none`)
  })
}

async function systemLookup(host: string): Promise<string[]> {
  const addresses = await lookup(host, { all: true, verbatim: true })
  return addresses.map(({ address }) => address)
}

/** The usual spelling, IPv4 also where IPv6 contains it: an address that is not allowed has no other name. */
function usualSpelling(address: string): string {
  if (isIP(address) !== 6) return address
  const [ip = '', zone] = address.split('%')
  const usual = new SocketAddress({ address: ip, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '')
  return zone === undefined ? usual : `${usual}%${zone}`
}

/** What a proxy is asked to connect to. @throws SmpTransportError `REFUSED_ADDRESS` */
function allowedByName(name: string, options: TargetOptions): string {
  if (isIP(name)) checkAllowed(name, options)
  else if (options.allowAddress && !name.endsWith('.onion')) {
    throw new SmpTransportError('REFUSED_ADDRESS', `the address of ${name} cannot be checked: a proxy resolves it`)
  }
  return name
}

/** @throws SmpTransportError `REFUSED_ADDRESS` */
function checkAllowed(ip: string, { allowAddress }: TargetOptions): void {
  if (allowAddress && !allowAddress(ip.replace(/%.*/, ''))) {
    throw new SmpTransportError('REFUSED_ADDRESS', `${ip} is not allowed`)
  }
}
