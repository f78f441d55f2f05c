// Spec 13 §13.3, §13.9: which server is used for what.
import { equalBytes } from '@smpkit/encoding'
import { type Clock, createRoutes, type ProxyPolicy, type Requester, type SmpPool } from '@smpkit/smp-client'
import {
  AddressError,
  type ParsedServerAddress,
  parseServerAddress,
  type ServerAddress,
} from '@smpkit/smp-commands/address'
import type { Network } from './context.js'
import { RequestError } from './errors.js'
import { samePort } from './short-link.js'

/** How what we send, and what we ask about links, reaches servers of others, who would learn our IP address. */
export interface SendingPolicy {
  /**
   * Through a server of ours as proxy: `unknown`: to all servers but our own; `always`: to our own as well; `never`. Default `unknown`: our
   * own servers know our address already, and to no other one it has to be shown.
   */
  readonly policy?: ProxyPolicy
  /**
   * Where no proxy can reach the server: `allow`: it is connected to directly, which it can bring about by refusing proxies; `prohibit`: it is
   * tried again as long as messages may wait. Default `allow`, so that messages arrive; who has to stay hidden chooses `prohibit`, or an anonymous
   * `connect`.
   */
  readonly fallback?: 'allow' | 'prohibit'
}

/** Addresses of servers as rows keep them, read once: very many queues are on few servers. */
export class ServerTexts {
  readonly #parsed = new Map<string, ParsedServerAddress>()

  parse(text: string): ParsedServerAddress {
    let address = this.#parsed.get(text)
    if (!address) {
      address = parseServerAddress(text, 'smp')
      this.#parsed.set(text, address)
    }
    return address
  }
}

export interface NetworkOptions {
  readonly pool: SmpPool
  readonly texts: ServerTexts
  readonly servers: readonly (string | ParsedServerAddress)[]
  readonly presets: readonly (string | ServerAddress)[]
  readonly proxy: SendingPolicy
  /** In place of what `proxy` says. */
  readonly route: ((server: ServerAddress, userId: string) => Requester) | undefined
  readonly random: () => number
  readonly clock: Clock
}

/** @throws AddressError */
function requireFingerprint<A extends ServerAddress>(address: A): A {
  const { length } = address.keyHash
  if (length === 32) return address
  throw new AddressError(`expected a server's fingerprint of 32 bytes (43 characters), got ${length} bytes`)
}

const parsed = <A extends ServerAddress>(server: string | A): A | ParsedServerAddress =>
  requireFingerprint(typeof server === 'string' ? parseServerAddress(server, 'smp') : server)

export function createNetwork({ pool, texts, proxy, random, clock, ...options }: NetworkOptions): Network {
  const servers = options.servers.map((server) => parsed(server))
  const presets = options.presets.map((server) => parsed(server))
  const { policy = 'unknown', fallback = 'allow' } = proxy
  const routes = createRoutes({ pool, servers, policy, fallback, random, clock })
  const route = options.route ?? routes.route
  return {
    presets,
    recipient: (server, userId) => pool.server(texts.parse(server), userId),
    sender: (server, userId) => route(servers.find((own) => isKnownAs(own, server)) ?? server, userId),
    chooseServer(except = []) {
      const others = servers.filter((server) => !except.some((one) => shareHost(server, one)))
      const choice = others.length > 0 ? others : servers
      const server = choice[Math.floor(random() * choice.length)]
      if (!server)
        throw new RequestError('NO_SERVER', 'expected an SMP server to make queues on: give the option servers')
      return server
    },
  }
}

/** A server of ours by more or fewer of its hosts: it is reached by those that we know, not by those that a link adds. */
const isKnownAs = (own: ServerAddress, server: ServerAddress): boolean =>
  equalBytes(own.keyHash, server.keyHash) && samePort(own.port, server.port) && shareHost(own, server)

function shareHost(a: ServerAddress, b: ServerAddress): boolean {
  return a.hosts.some(({ text }) => b.hosts.some((host) => host.text === text))
}
