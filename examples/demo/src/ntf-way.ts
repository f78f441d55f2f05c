// Spec 20, 21: the phone asks in the NTF protocol, as SimpleX apps do, and gets its pushes by way of APNs.
import { setTimeout } from 'node:timers/promises'
import { PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { ntfDoor } from '@smpkit/notification-server/ntf'
import { type NtfCommand, type NtfSessionClient, openNtfSession } from '@smpkit/ntf-protocol'
import { apnsProvider, nullProvider } from '@smpkit/push-providers/apns'
import { kindOf } from '@smpkit/push-providers/payload'
import { type ApnsFake, startApnsFake } from '@smpkit/push-providers/testing'
import { createServerIdentity } from '@smpkit/smp-transport'
import { tracedNtf } from './ntf-wire.js'
import type { Pushes } from './pushes.js'
import type { Link, Token, Way, WayOptions } from './way.js'

/** Between two questions whether the notification server is subscribed yet, in milliseconds. */
const pollEvery = 250

export async function ntfWay(options: WayOptions): Promise<Way> {
  const { report, pushes, signal } = options
  const apns = await startApnsFake()
  showPushes(apns, pushes)
  const provider = apnsProvider({ name: 'apns_test', ...apns.options })
  const identity = createServerIdentity()
  const door = ntfDoor({ identity, host: '127.0.0.1', port: 0, testProvider: true })
  return {
    facts: {
      NTF: 'the protocol of SimpleX apps; the phone gives the commands that they give',
      provider: 'a stand-in for APNs in this process, over HTTP/2',
    },
    door,
    providers: [provider, nullProvider('apns_null')],
    async connect() {
      report.heading('The phone connects to the notification server')
      return linkOver(await openNtfSession(door.address(), { connect: tracedNtf(report), signal }), options)
    },
    async [Symbol.asyncDispose]() {
      await provider.close()
      await apns.close()
    },
  }
}

function linkOver(session: NtfSessionClient, options: WayOptions): Link {
  const { signal } = options
  return {
    async register(dhKey) {
      const key = PrivateKey.generate('ed25519')
      const token = new TextEncoder().encode(toHex(randomBytes(32)))
      const command = { tag: 'TNEW', provider: 'AT', token, authKey: key.publicKey, dhKey } as const
      const answer = await session.request({ command, key }, { signal })
      return tokenOver(session, answer.tokenId.slice(), key, answer.dhKey, options)
    },
    [Symbol.asyncDispose]: () => session.close(),
  }
}

function tokenOver(
  session: NtfSessionClient,
  tokenId: Uint8Array,
  key: PrivateKey<'ed25519'>,
  dhKey: PublicKey<'x25519'>,
  { server, signal }: WayOptions,
): Token {
  const ask = <C extends NtfCommand>(command: C, entityId?: Uint8Array) =>
    session.request({ command, entityId, key }, { signal })
  return {
    dhKey,
    async verify(code) {
      await ask({ tag: 'TVFY', code }, tokenId)
    },
    async subscribe(queue) {
      // It is answered before the SMP server is asked.
      const answer = await ask({ tag: 'SNEW', tokenId, server, ...queue })
      const subscriptionId = answer.subscriptionId.slice()
      for (;;) {
        await setTimeout(pollEvery, undefined, { signal })
        const { status } = await ask({ tag: 'SCHK' }, subscriptionId)
        if (status === 'ACTIVE') return
        if (status !== 'NEW' && status !== 'PENDING')
          throw new Error(`the notification server is not subscribed: ${status}`)
      }
    },
  }
}

function showPushes(apns: ApnsFake, pushes: Pushes): void {
  apns.answer(({ body, token, headers }) => {
    const { aps, notificationData: data } = JSON.parse(body)
    const shown = Object.entries(data).map(([name, value]) => [name, shorten(String(value))])
    pushes.put({
      kind: kindOf(data),
      data,
      bytes: body.length,
      seen: {
        device: shorten(token),
        type: `${headers['apns-push-type']}, for the app ${headers['apns-topic']}`,
        aps: Object.keys(aps).join(', '),
        ...Object.fromEntries(shown),
      },
    })
    return 'accepted'
  })
}

const shorten = (text: string): string =>
  text.length > 40 ? `${text.slice(0, 40)}… (${text.length} characters)` : text
