// Spec 21 B3 "SSRF": HTTPS requests to hosts that strangers choose, who could mean the operator's own network.
import { Agent } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { urlToHttpOptions } from 'node:url'
import { type AddressPolicy, addressPolicy, checkAddresses } from '@smpkit/smp-commands/address'
import { DeviceTokenError } from './errors.js'
import { checkAuthorities } from './far-end.js'
import { type HttpResult, type PostOptions, postHttps } from './http.js'
import { lookupName } from './lookup-name.js'

export interface GuardOptions {
  /** Which IP addresses may be connected to: global unicast unless given; `addressPolicy` of smp-commands takes exceptions. */
  readonly allowAddress?: AddressPolicy
  /**
   * All IP addresses of a name. Asks the system's name servers unless given, and not its file of hosts about names with a dot: it must not
   * let names whose servers are silent keep others waiting, as `dns.lookup` does.
   */
  readonly lookup?: (host: string, options: { readonly signal: AbortSignal }) => Promise<readonly string[]>
  /** Certificates in PEM to trust instead of the system's. */
  readonly ca?: string | readonly string[]
  /** The most connections to one origin; further pushes to it wait. 16 unless given. */
  readonly maxPerOrigin?: number
  /** Milliseconds after which an unused connection is closed. 10 000 unless given. */
  readonly idleTimeout?: number
}

/** `address`: the host is at an address that may not be connected to. Nothing was sent. */
export type GuardedResult = HttpResult | { readonly failed: 'address' }

export interface GuardedHttps {
  post(
    url: URL,
    message: { readonly headers: Readonly<Record<string, string>>; readonly body: string | Uint8Array },
    options: PostOptions,
  ): Promise<GuardedResult>
  /** Breaks all connections. */
  close(): void
}

/** All origins together. */
const maxIdle = 64

/** Addresses of one name that are tried: who owns a name can give it any number. */
const maxAddresses = 4

/** An IP address as it stands in a URL, which has read numbers of all spellings, or `undefined` for a name. */
function literal({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? undefined : bare
}

const isOnion = ({ hostname }: URL) => /\.onion\.?$/.test(hostname)

/**
 * A name is resolved once for each connection, and refused if one of its addresses is; the connection goes to what was
 * checked. No redirects are followed. HTTP/1.1 with connections that are used again.
 * @throws ProviderConfigError for authorities that cannot be used
 */
export function guardedHttps(options: GuardOptions): GuardedHttps {
  const { allowAddress = addressPolicy(), lookup = lookupName, ca, maxPerOrigin = 16, idleTimeout = 10_000 } = options
  checkAuthorities(ca)
  const agent = new Agent({
    keepAlive: true,
    maxSockets: maxPerOrigin,
    timeout: idleTimeout,
    ...(ca !== undefined && { ca: [ca].flat() }),
  })
  // False where the far end said that it ends the connection soon.
  const keepAlive = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => unknown
  // Not `maxTotalSockets`: idle ones count there too, and would keep other origins waiting.
  agent.keepSocketAlive = (socket) => {
    const idle = Object.values(agent.freeSockets).reduce((sum, sockets) => sum + (sockets?.length ?? 0), 0)
    return idle < maxIdle && keepAlive(socket) !== false
  }

  return {
    async post(url, message, postOptions) {
      const ip = literal(url)
      if (isOnion(url) || (ip !== undefined && !checkAddresses([ip], allowAddress))) return { failed: 'address' }
      let refused = false
      const checked: LookupFunction = (host, { all }, done) => {
        lookup(host, { signal: postOptions.signal }).then(
          (found) => {
            const addresses = checkAddresses(found, allowAddress)?.slice(0, maxAddresses)
            refused = addresses === undefined
            const [first] = addresses ?? []
            if (!addresses || first === undefined) done(new Error('no address'), '')
            else if (all)
              done(
                null,
                addresses.map((address) => ({ address, family: isIP(address) })),
              )
            else done(null, first, isIP(first))
          },
          (error) => done(error, ''),
        )
      }
      const target = { ...urlToHttpOptions(url), headers: { ...message.headers }, agent, lookup: checked }
      const result = await postHttps(target, message.body, postOptions)
      return refused ? { failed: 'address' } : result
    },
    close: () => agent.destroy(),
  }
}

/** In bytes; of Web Push by spec 30 §5. */
const longestUrl = 1000

/**
 * An `https:` URL to push to. Names are not resolved: that they may be connected to shows with the first push.
 * @throws DeviceTokenError
 */
export function readPushUrl(
  text: unknown,
  { allowAddress = addressPolicy() }: Pick<GuardOptions, 'allowAddress'>,
): URL {
  const url = typeof text === 'string' && text.length <= longestUrl && URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.href.length > longestUrl) {
    throw new DeviceTokenError(`expected a URL of at most ${longestUrl} bytes`)
  }
  if (url.protocol !== 'https:') throw new DeviceTokenError('expected a URL of https')
  if (url.username !== '' || url.password !== '' || url.href.includes('#')) {
    throw new DeviceTokenError('expected a URL without a user, a password and a fragment')
  }
  const ip = literal(url)
  if (isOnion(url) || (ip !== undefined && !checkAddresses([ip], allowAddress))) {
    throw new DeviceTokenError('expected the URL of a public host')
  }
  return url
}
