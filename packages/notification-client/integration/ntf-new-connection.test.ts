// Spec 24 §2 (A16, A17), §1 (P2, P3, R8): connections that are made while both sides have tokens; old and new versions of all parts.
import type { NtfClientOptions } from '@smpkit/ntf-protocol'
import { connectNtf } from '@smpkit/ntf-protocol/transport'
import { describe, expect, it } from 'vitest'
import { type Ntf, useNtf } from './support/ntf.js'
import { bytes, Phone, pause, ready, talk } from './support/phone.js'
import { embeddedSmp, type Smp, useSmp } from './support/smp.js'

const smp = useSmp()
const target = useNtf()

/** A client of these versions, without ALPN as the first one had it. */
const oldClient = (max: number, alpn: boolean): NtfClientOptions => ({
  reconnect: { firstDelay: 20, maxDelay: 100 },
  connect: (server, options) => connectNtf(server, { ...options, alpn, versionRange: { min: 1, max } }),
})

async function newConnection(ntf: Ntf, at: Smp, client: { readonly ntf?: NtfClientOptions } = {}): Promise<void> {
  const [alice, bob] = [await Phone.buy(ntf, { smp: at }), await Phone.buy(ntf, { smp: at })]
  await alice.openReady(0, client)
  await bob.openReady(0, client)

  const { connection, link } = await alice.agent.createInvitation()
  await alice.agent.setNotifications(connection, true)
  await ready(alice.client ?? fail(), 1)
  // Bob is told of all that comes to him.
  alice.before = async ({ type }) => {
    if (type === 'confirmation') await ready(bob.client ?? fail(), 1)
  }
  const theirs = await bob.agent.join(link, { info: bytes('bob') })
  await bob.agent.setNotifications(theirs, true)
  await alice.untilPushed('message', 1)
  expect(await alice.told()).toBe(connection)
  await bob.untilPushed('message', 1)
  expect(await bob.told()).toBe(theirs)
  await alice.until(() => alice.connected.has(connection) && bob.connected.has(theirs))
  await pause(200)

  const talks = [
    [alice, connection, bob, theirs],
    [bob, theirs, alice, connection],
  ] as const
  for (const [from, fromConnection, to, toConnection] of talks) {
    for (const text of ['one', 'two']) {
      const before = to.count('message')
      await from.agent.send(fromConnection, bytes(text))
      await to.untilPushed('message', before + 1)
      expect(await to.told()).toBe(toConnection)
      await to.until(() => to.messages.includes(text))
      expect(to.count('message')).toBe(before + 1)
    }
  }
  await Promise.all([alice, bob].map((phone) => phone.noPush(() => Promise.resolve())))
  expect([alice.count('verification'), bob.count('verification')]).toEqual([1, 1])
}

function fail(): never {
  throw new Error('expected a client')
}

it('A16 a new connection pushes its confirmations and each message, to both sides, and nothing else', async () => {
  await newConnection(await target.one(), smp.first)
})

describe('versions of all parts', () => {
  const smpVersions = { previous: { min: 14, max: 16 }, current: { min: 14, max: 20 } }
  const clients: Readonly<Record<string, NtfClientOptions>> = {
    'version 1 without ALPN': oldClient(3, false),
    'version 1': oldClient(1, true),
    'version 2': oldClient(2, true),
    'version 3': oldClient(3, true),
  }
  const combinations = [
    ['version 1 without ALPN', 'previous'],
    ['version 3', 'previous'],
    ['version 1 without ALPN', 'current'],
    ['version 1', 'current'],
    ['version 2', 'current'],
  ] as const
  for (const [version, which] of combinations) {
    it(`A17 pushes of connections, old and new, come to a client of ${version} with a ${which} SMP server`, async () => {
      const own = await embeddedSmp({ versionRange: smpVersions[which] })
      const [server, ntf] = [await target.one(), clients[version] ?? {}]
      await newConnection(server, own, { ntf })
      const { phone, peers, client } = await talk(server, own, { client: { ntf } })
      await peers[0]?.say('hello')
      await phone.untilPushed('message', 1)
      expect(await phone.told()).toBe(peers[0]?.connection)
      await phone.agent.setNotifications(peers[0]?.connection ?? '', false)
      await ready(client, 0)
      await client.unregister()
    })
  }
})
