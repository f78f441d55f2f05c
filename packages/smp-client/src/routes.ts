// Spec 13 §13.9, 04 §8, §10: which way a sender's commands go: directly, or through a server of ours, which hides us from the relay.
import { equalBytes } from '@smpkit/encoding'
import { type Clock, systemClock } from '@smpkit/encoding/internal'
import type { Command } from '@smpkit/smp-commands'
import { type ServerAddress, serverKey } from '@smpkit/smp-commands/address'
import { SmpClientError, SmpReplyError } from './errors.js'
import type { SmpPool } from './pool.js'
import { ProxiedRelay } from './proxy.js'
import type { Answer, Request, Requester, RequestOptions } from './requests.js'

/** `always`: also to our own servers; `unknown`: to servers that are not our own; `never`. */
export type ProxyPolicy = 'always' | 'unknown' | 'never'

/** A server of ours, and what its proxy asks for. */
export interface OwnServer extends ServerAddress {
  readonly password?: string | null
}

export interface RoutesOptions {
  pool: SmpPool
  /** Servers that we trust with our IP address; one of them becomes the proxy. */
  servers: readonly OwnServer[]
  policy: ProxyPolicy
  /**
   * What to do when no proxy can be had: `allow` connects to the server directly, which shows it our IP address; whoever runs a server can
   * bring that about. `prohibit` fails.
   */
  fallback: 'allow' | 'prohibit'
  /** Sessions with relays to keep; beyond that the one used longest ago is forgotten. Default 1000. */
  maxRelays?: number
  random?: () => number
  clock?: Clock
}

export interface Routes {
  /**
   * Takes a sender's commands (`ProxiedCommand`) for a server. Errors are those of the way that was taken, and tell who answered:
   * `SmpReplyError.from` is `server`, `proxy` or `relay`. A command that may have reached the relay is not sent again another way.
   * @throws as `ProxiedRelay.request`; also `NO_PROXY`
   */
  route(destination: ServerAddress, userId?: string): Requester
}

interface Kept {
  readonly relay: ProxiedRelay
  readonly usedAt: number
}

/** Relays that were not used for so long are forgotten, in milliseconds: the proxy has most likely let them go as well. */
const idleTime = 600_000

/**
 * Routes by policy. A server is our own when all of its hosts are hosts of our own servers, whatever its port and key hash:
 * with one other host a stranger's address would get us to connect there. With `always` the only server of ours is connected to
 * directly: it knows us already, and a proxy of its own would hide nothing. When servers or policy change, make new routes.
 */
export function createRoutes(options: RoutesOptions): Routes {
  const { pool, servers, policy, fallback, maxRelays = 1000, random = Math.random, clock = systemClock } = options
  /** The one used longest ago first. */
  const kept = new Map<string, Kept>()

  /** Any, but none that is the destination itself, and none that failed last while there are others. */
  function chooseProxy(destination: ServerAddress, userId: string): OwnServer | undefined {
    const others = servers.filter((server) => !isSame(server, destination))
    const working = others.filter((server) => !pool.server(server, userId).reason)
    const candidates = working.length > 0 ? working : others
    return candidates[Math.floor(random() * candidates.length)]
  }

  function connectTo(destination: ServerAddress, userId: string): ProxiedRelay | undefined {
    const proxy = chooseProxy(destination, userId)
    if (!proxy) return undefined
    // The pool may have closed the server that it gave last time.
    const requester: Requester = { request: (request, how) => pool.server(proxy, userId).request(request, how) }
    return new ProxiedRelay(requester, destination, { password: proxy.password ?? null })
  }

  function relayTo(key: string, destination: ServerAddress, userId: string): ProxiedRelay | undefined {
    const usedAt = clock.now()
    for (const [old, { usedAt: last }] of kept) {
      if (usedAt - last < idleTime) break
      kept.delete(old)
    }
    const relay = kept.get(key)?.relay ?? connectTo(destination, userId)
    kept.delete(key)
    if (!relay) return undefined
    kept.set(key, { relay, usedAt })
    const [oldest] = kept.keys()
    if (kept.size > maxRelays && oldest !== undefined) kept.delete(oldest)
    return relay
  }

  async function proxied<C extends Command>(
    key: string,
    relay: ProxiedRelay,
    request: Request<C>,
    how: RequestOptions | undefined,
    directly: () => Promise<Answer<C['tag']>>,
  ): Promise<Answer<C['tag']>> {
    let isConnected = false
    try {
      await relay.connected(how)
      isConnected = true
      return await relay.request(request, how)
    } catch (error) {
      const code = error instanceof SmpClientError ? error.code : undefined
      const isUnsent = !isConnected || code === 'CONNECT'
      // The next request chooses a proxy anew; who gave up waiting says nothing of this one.
      if (isUnsent && code !== 'ABORTED' && kept.get(key)?.relay === relay) kept.delete(key)
      if (!isUnsent || fallback === 'prohibit' || !isHostError(error)) throw error
      return directly().catch((second: unknown) => {
        // A server that only a proxy can reach: what is wrong with the proxy may pass.
        const isNoWay = second instanceof SmpClientError && second.code === 'CONNECT' && !second.temporary
        throw isNoWay ? error : second
      })
    }
  }

  return {
    route(destination, userId = '') {
      const key = JSON.stringify([serverKey(destination), userId])
      const isOwn = destination.hosts.every(({ text }) => servers.some((server) => hasHost(server, text)))
      const isDirect = policy === 'never' || (policy === 'unknown' && isOwn)
      return {
        async request(request, how) {
          const directly = () => pool.server(destination, userId).request(request, how)
          if (isDirect) return directly()
          const relay = relayTo(key, destination, userId)
          if (relay) return proxied(key, relay, request, how, directly)
          if (isOwn || fallback === 'allow') return directly()
          throw new SmpClientError(
            'NO_PROXY',
            'expected a server of our own to send through, other than the destination',
          )
        },
      }
    },
  }
}

const hasHost = ({ hosts }: ServerAddress, text: string) => hosts.some((host) => host.text === text)

const isSame = (a: ServerAddress, b: ServerAddress) =>
  equalBytes(a.keyHash, b.keyHash) || a.hosts.some(({ text }) => hasHost(b, text))

/** The proxy cannot be reached, or it cannot reach the relay, or has no version in common with it (04 §10). */
function isHostError(error: unknown): boolean {
  if (error instanceof SmpClientError) return ['CONNECT', 'CLOSED', 'TIMEOUT'].includes(error.code)
  if (!(error instanceof SmpReplyError) || error.reply.code !== 'PROXY') return false
  const { inner } = error.reply
  if (inner.code !== 'BROKER') return false
  const { inner: broker } = inner
  return broker.code === 'TRANSPORT'
    ? broker.inner.code === 'VERSION'
    : ['NETWORK', 'TIMEOUT', 'HOST'].includes(broker.code)
}
