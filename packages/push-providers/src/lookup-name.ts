// Spec 21 B3 "SSRF", 24 §3 W20: the addresses of names that strangers choose, whose name servers may never answer.
import { lookup, Resolver } from 'node:dns/promises'

export interface LookupOptions {
  readonly signal?: AbortSignal | undefined
  /** Name servers, as `IP:PORT`. The system's unless given. */
  readonly servers?: readonly string[]
}

/** Of a first question, in milliseconds; a second one waits longer. */
const patience = { timeout: 3000, tries: 2 }

/**
 * All IP addresses of a name, IPv4 and IPv6 in turns, as the name servers tell. The system's own look-up has room for two at a time in a
 * whole process: a few names whose servers are silent would delay all connections to anywhere by a minute. It is asked only
 * for what no stranger has a name server for: names without a dot, and addresses in unusual spellings; and, for one name at a time, where
 * the name servers know nothing: its file of hosts may.
 */
export async function lookupName(host: string, { signal, servers }: LookupOptions = {}): Promise<readonly string[]> {
  signal?.throwIfAborted()
  if (isLocal(host)) return bySystem(host)
  const resolver = new Resolver(patience)
  if (servers) resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal?.addEventListener('abort', cancel)
  try {
    const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    if (ipv4.status === 'rejected' && ipv6.status === 'rejected') return await byHostsFile(host, ipv4.reason)
    const [some, others] = [ipv4, ipv6].map((found) => (found.status === 'fulfilled' ? found.value : []))
    return inTurns(some ?? [], others ?? [])
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

const bySystem = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address)

let isAsking = false

async function byHostsFile(host: string, reason: { readonly code?: string }): Promise<readonly string[]> {
  const isUnknown = reason.code === 'ENOTFOUND' || reason.code === 'ENODATA' || reason.code === 'ECONNREFUSED'
  if (!isUnknown || isAsking) throw reason
  isAsking = true
  try {
    return await bySystem(host)
  } catch {
    throw reason
  } finally {
    isAsking = false
  }
}

function isLocal(host: string): boolean {
  const labels = host.replace(/\.$/, '').split('.')
  return labels.length === 1 || /^(\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? '')
}

function inTurns<T>(some: readonly T[], others: readonly T[]): readonly T[] {
  const longest = Math.max(some.length, others.length)
  return Array.from({ length: longest }, (_, at) => [...some.slice(at, at + 1), ...others.slice(at, at + 1)]).flat()
}
