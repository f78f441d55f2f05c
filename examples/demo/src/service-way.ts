// Spec 30: the phone asks in `s.*`, over a connection like one between two people.
import { openMemoryStore } from '@smpkit/agent-store'
import { PublicKey } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import { serviceDoor } from '@smpkit/notification-server/service'
import { consoleProvider, type PushProvider } from '@smpkit/push-providers'
import { openAgent } from '@smpkit/smp-agent'
import { serverAddressToText } from '@smpkit/smp-commands/address'
import type { Pushes } from './pushes.js'
import { linkToService, type ServiceLink } from './service-link.js'
import type { Link, Token, Way, WayOptions } from './way.js'

export async function serviceWay(options: WayOptions): Promise<Way> {
  const { server, report, pushes, signal } = options
  const agent = await openAgent({ store: openMemoryStore(), servers: [server] })
  const door = serviceDoor({ agent, name: 'demo notification server' })
  return {
    facts: { 's.*': 'requests and answers over an agent connection; what carries them is not shown' },
    door,
    providers: [shownConsole(pushes)],
    async connect() {
      report.heading('The phone connects to the notification server, as to a person')
      const { link: address } = await door.address()
      return linkOver(await linkToService({ address, server, report, signal }), options)
    },
    [Symbol.asyncDispose]: () => agent.close(),
  }
}

function linkOver(service: ServiceLink, options: WayOptions): Link {
  const { signal } = options
  return {
    async register(dhKey) {
      const token = { provider: 'console', token: 'demo', dhKey: toBase64url(dhKey.toDer()) }
      const { data } = await service.request('post', '/ntf/tokens', token, { signal })
      const serverKey = PublicKey.fromDer(fromBase64url(data.dhKey)) as PublicKey<'x25519'>
      return tokenOver(service, data.resource.slice('/ntf/tokens/'.length), serverKey, options)
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

function tokenOver(
  service: ServiceLink,
  id: string,
  dhKey: PublicKey<'x25519'>,
  { server, signal }: WayOptions,
): Token {
  return {
    dhKey,
    async verify(code) {
      const data = { code: toBase64url(code) }
      await service.request('put', '/ntf/tokens/:id/verification', data, { params: { id }, signal })
    },
    async subscribe({ notifierId, notifierKey }) {
      const subscription = {
        server: serverAddressToText({ ...server, password: null }),
        notifierId: toBase64url(notifierId),
        notifierKey: toBase64url(notifierKey.toDer()),
        token: { id },
      }
      const { data } = await service.request('post', '/ntf/subscriptions', subscription, { signal })
      if (!('status' in data) || data.status !== 'active') {
        throw new Error('the notification server is not subscribed: it got no answer to NSUB')
      }
    },
  }
}

function shownConsole(pushes: Pushes): PushProvider {
  let seen = {}
  return consoleProvider({
    write: (line) => {
      seen = partsOf(line)
    },
    deliver: ({ kind, notificationData: data }) =>
      pushes.put({ kind, data, bytes: JSON.stringify({ notificationData: data }).length, seen }),
  })
}

/** The console's line in pieces that fit a terminal: `push to …, 43 bytes, name=value …`. */
function partsOf(line: string): Record<string, string> {
  const [push = '', ...data] = line.split(/,? (?=\w+=)/)
  return { console: push, ...Object.fromEntries(data.map((field) => field.split(/=(.*)/))) }
}
