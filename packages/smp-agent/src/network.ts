// Spec 13 §13.3, §13.9: which server is used for what.
import type { Requester, SmpPool } from '@smpkit/smp-client'
import { type ParsedServerAddress, parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import type { Network } from './context.js'
import { RequestError } from './errors.js'

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
  readonly servers: readonly ParsedServerAddress[]
  /** How commands of a sender reach a server. Default: directly. */
  readonly route: (server: ServerAddress, userId: string) => Requester
  readonly random: () => number
}

export function createNetwork({ pool, texts, servers, route, random }: NetworkOptions): Network {
  return {
    recipient: (server, userId) => pool.server(texts.parse(server), userId),
    sender: route,
    chooseServer(except = []) {
      const taken = new Set(except.flatMap(({ hosts }) => hosts))
      const others = servers.filter(({ hosts }) => !hosts.some((host) => taken.has(host)))
      const choice = others.length > 0 ? others : servers
      const server = choice[Math.floor(random() * choice.length)]
      if (!server)
        throw new RequestError('NO_SERVER', 'expected an SMP server to make queues on: give the option servers')
      return server
    },
  }
}
