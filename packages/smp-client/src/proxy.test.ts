import { PrivateKey, randomBytes, signKey } from '@smpkit/crypto'
import { type MessageOf, smpVersions } from '@smpkit/smp-commands'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { connectSmp, createServerIdentity } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import { openSession } from './open-session.js'
import { ProxiedRelay, relaySession } from './proxy.js'
import { newQueue } from './recipient.js'
import { secureAsSender, sendMessage } from './sender.js'
import { SmpClientSession } from './session.js'
import { fakeConnection } from './testing/fake-server.js'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function server(options: Parameters<typeof startSmpServer>[0] = {}): Promise<SmpServer> {
  const started = await startSmpServer(options)
  cleanUps.push(() => started.stop())
  return started
}

async function session(to: SmpServer): Promise<SmpClientSession> {
  const opened = await openSession(to.address, { connect: connectSmp })
  cleanUps.push(() => opened.close())
  return opened
}

const text = (body: Uint8Array) => new TextDecoder().decode(body)
const bytes = (body: string) => new TextEncoder().encode(body)

describe('a relay behind a proxy', () => {
  it('takes commands of a sender, with signatures and authenticators, and does not know it', async () => {
    const [proxy, relay] = [await server(), await server()]
    const recipient = await session(relay)
    const queue = await newQueue(recipient)
    const messages = recipient.messages(queue)
    const proxied = new ProxiedRelay(await session(proxy), relay.address)
    const senderKey = PrivateKey.generate('x25519')
    await secureAsSender(proxied, queue.senderId, senderKey)
    await sendMessage(proxied, { senderId: queue.senderId, senderKey }, bytes('through'))
    const { value: message } = await messages.next()
    const content = message?.open()
    expect(content?.quota === false && text(content.body)).toBe('through')
  })

  it('is connected to once for many requests at the same time', async () => {
    const [proxy, relay] = [await server(), await server()]
    const queue = await newQueue(await session(relay))
    const proxied = new ProxiedRelay(await session(proxy), relay.address)
    const target = { senderId: queue.senderId, senderKey: null }
    await Promise.all(Array.from({ length: 50 }, (_, i) => sendMessage(proxied, target, bytes(String(i)))))
    await sendMessage(proxied, target, new Uint8Array(16_048))
  })

  it('answers errors that are told from those of the proxy', async () => {
    const [proxy, relay] = [await server(), await server()]
    const proxied = new ProxiedRelay(await session(proxy), relay.address)
    await expect(
      sendMessage(proxied, { senderId: randomBytes(24), senderKey: null }, bytes('x')),
    ).rejects.toMatchObject({
      name: 'SmpReplyError',
      code: 'AUTH',
      from: 'relay',
    })
    await expect(proxied.request({ command: { tag: 'PING' } })).rejects.toMatchObject({ code: 'CMD', from: 'relay' })
    const gone = new ProxiedRelay(await session(proxy), { ...relay.address, keyHash: randomBytes(32) })
    await expect(gone.request({ command: { tag: 'LGET' }, entityId: randomBytes(24) })).rejects.toMatchObject({
      code: 'PROXY',
      from: 'proxy',
      reply: { inner: { code: 'BROKER', inner: { code: 'NETWORK' } } },
      temporary: true,
    })
  })

  it('is connected to again after the proxy lost it', async () => {
    const [proxy, relay] = [await server(), await server()]
    const queue = await newQueue(await session(relay))
    const proxied = new ProxiedRelay(await session(proxy), relay.address)
    const target = { senderId: queue.senderId, senderKey: null }
    await sendMessage(proxied, target, bytes('one'))
    await relay.dropConnections()
    // Depending on when the proxy notices, the first may be lost with the connection.
    await sendMessage(proxied, target, bytes('two')).catch(() => {})
    await sendMessage(proxied, target, bytes('three'))
  })

  it('behind a proxy with a password needs it', async () => {
    const [proxy, relay] = [await server({ password: 'secret' }), await server()]
    const queue = await newQueue(await session(relay))
    const target = { senderId: queue.senderId, senderKey: null }
    const without = new ProxiedRelay(await session(proxy), relay.address)
    await expect(sendMessage(without, target, bytes('x'))).rejects.toMatchObject({
      from: 'proxy',
      reply: { code: 'PROXY', inner: { code: 'BASIC_AUTH' } },
    })
    await sendMessage(new ProxiedRelay(await session(proxy), relay.address, { password: 'secret' }), target, bytes('x'))
  })

  it('gets no command that does not fit', async () => {
    const [proxy, relay] = [await server(), await server()]
    const proxied = new ProxiedRelay(await session(proxy), relay.address)
    const target = { senderId: randomBytes(24), senderKey: PrivateKey.generate('ed448') }
    await expect(sendMessage(proxied, target, new Uint8Array(16_200))).rejects.toMatchObject({ code: 'LARGE_MSG' })
  })

  it('costs one PRXY for each NO_SESSION, and gives up at the second', async () => {
    const identity = createServerIdentity()
    const key = PrivateKey.generate('x25519')
    const { connection, peer } = fakeConnection(({ command }) =>
      command.tag === 'PRXY'
        ? {
            tag: 'PKEY',
            sessionId: randomBytes(32),
            versionRange: smpVersions,
            certChain: [...identity.certChain],
            signedKey: signKey(identity.privateKey, key.publicKey),
          }
        : { tag: 'ERR', error: { code: 'PROXY', inner: { code: 'NO_SESSION' } } },
    )
    const proxy = new SmpClientSession(connection)
    const address = { hosts: [{ type: 'ipv4', text: '127.0.0.1' } as const], port: '', keyHash: identity.fingerprint }
    const proxied = new ProxiedRelay(proxy, address)
    await expect(proxied.request({ command: { tag: 'LGET' }, entityId: randomBytes(24) })).rejects.toMatchObject({
      from: 'proxy',
      reply: { inner: { code: 'NO_SESSION' } },
    })
    expect(peer.commands.map(({ command }) => command.tag)).toEqual(['PRXY', 'PFWD', 'PRXY', 'PFWD'])
    const controller = new AbortController()
    const aborted = proxied.request(
      { command: { tag: 'LGET' }, entityId: randomBytes(24) },
      { signal: controller.signal },
    )
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    await proxy.close()
  })
})

describe('the session with a relay', () => {
  const identity = createServerIdentity()
  const other = createServerIdentity()
  const key = PrivateKey.generate('x25519').publicKey
  const pkey: MessageOf<'PKEY'> = {
    tag: 'PKEY',
    sessionId: randomBytes(32),
    versionRange: { min: 8, max: 20 },
    certChain: [...identity.certChain],
    signedKey: signKey(identity.privateKey, key),
  }

  it('has the highest common version and the signed key', () => {
    expect(relaySession(pkey, identity.fingerprint)).toMatchObject({ version: 20, sessionId: pkey.sessionId })
    expect(relaySession(pkey, identity.fingerprint).serverKey.equals(key)).toBe(true)
    const range = { min: 8, max: 17 }
    expect(relaySession({ ...pkey, versionRange: range }, identity.fingerprint).version).toBe(17)
  })

  it.each([
    ['no common version', { versionRange: { min: 8, max: 13 } }, 'VERSION', undefined],
    ['the fingerprint of another', { certChain: [...other.certChain] }, 'RELAY', 'FINGERPRINT'],
    ['one certificate', { certChain: identity.certChain.slice(0, 1) }, 'RELAY', 'LENGTH'],
    ['five certificates', { certChain: Array(5).fill(identity.certChain[1]) }, 'RELAY', 'LENGTH'],
    ['a leaf of another', { certChain: [other.certChain[0], identity.certChain[1]] }, 'RELAY', 'SIGNATURE'],
    ['a key that another signed', { signedKey: signKey(other.privateKey, key) }, 'RELAY', 'SIGNED_KEY'],
    ['a signed key that is no DER', { signedKey: Uint8Array.of(0x30, 0) }, 'RELAY', 'SIGNED_KEY'],
    [
      'a key that is not for secrets',
      { signedKey: signKey(identity.privateKey, PrivateKey.generate('ed25519').publicKey) },
      'RELAY',
      undefined,
    ],
  ])('is refused with %s', (_, change, code, cause) => {
    const changed = { ...pkey, ...change } as MessageOf<'PKEY'>
    const error = expect.objectContaining({ code, ...(cause && { cause: expect.objectContaining({ code: cause }) }) })
    expect(() => relaySession(changed, identity.fingerprint)).toThrow(error)
  })

  it('is refused with certificates that have expired', () => {
    expect(() => relaySession(pkey, identity.fingerprint, new Date('9999-01-01'))).toThrow(
      expect.objectContaining({ code: 'RELAY' }),
    )
  })
})
