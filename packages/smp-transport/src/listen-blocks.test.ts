import { BlockChain } from '@smpkit/crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { type ConnectBlocksOptions, connectBlocks } from './connect-blocks.js'
import type { Handshake } from './handshake.js'
import { createServiceCredentials } from './identity.js'
import { type ListenBlocksOptions, listenBlocks } from './listen-blocks.js'
import { addressOf, bytes, cleanUp, cleanUpLater, errorOf, identity, take } from './testing/fixtures.js'

afterEach(cleanUp)

/** One block each way; both ends end up with the other's word. */
const greeting =
  (word: number): Handshake<number> =>
  async ({ send, receive, alpnProtocol }) => {
    expect(alpnProtocol).toBe('ntf/1')
    await send(bytes(1, word))
    return { session: (await receive())[0] as number }
  }

type Options = Pick<ListenBlocksOptions<number>, 'requestCertificate'> &
  Pick<ConnectBlocksOptions<number>, 'credentials'>

async function start(
  server: Handshake<number>,
  client: Handshake<number>,
  { requestCertificate, credentials }: Options = {},
) {
  const errors: Error[] = []
  let accept: (connection: AsyncIterable<Uint8Array> & { session: number }) => void = () => {}
  const accepted = new Promise<Parameters<typeof accept>[0]>((resolve) => {
    accept = resolve
  })
  const common = { blockSize: 512, alpnProtocols: ['ntf/1'] }
  const listening = await listenBlocks({
    ...common,
    host: '127.0.0.1',
    credentials: identity,
    ...(requestCertificate !== undefined && { requestCertificate }),
    handshake: server,
    onConnection: (connection) => accept(connection),
    onError: (error) => void errors.push(error),
  })
  cleanUpLater(() => listening.close())
  const { hosts, keyHash } = addressOf(listening.port)
  const connecting = connectBlocks({ ...common, hosts, port: listening.port, keyHash, credentials, handshake: client })
  return { connecting, accepted, errors }
}

describe('another protocol of blocks', () => {
  it('has its own block size, ALPN and handshake, and many blocks in one TLS record', async () => {
    const { connecting, accepted } = await start(greeting(1), greeting(2))
    const [client, server] = [await connecting, await accepted]
    expect([client.session, server.session]).toEqual([1, 2])
    const contents = Array.from({ length: 2000 }, (_, i) => bytes(510, i))
    const send = async () => {
      for (const content of contents) await client.send(content)
    }
    const [received] = await Promise.all([take(server, contents.length), send()])
    expect(received).toEqual(contents)
    expect(await errorOf(client.send(bytes(511)))).toMatchObject({ code: 'LARGE_MSG' })
    await client.close()
  })

  it('is encrypted from the end of its handshake on, also what came earlier', async () => {
    const chains = (send: number, receive: number) => ({
      send: new BlockChain(bytes(32, send)),
      receive: new BlockChain(bytes(32, receive)),
    })
    const { connecting, accepted } = await start(
      async (context) => {
        const { session } = await greeting(1)(context)
        // The client is done by now, and its first encrypted block is under way.
        await new Promise((resolve) => setTimeout(resolve, 100))
        return { session, chains: chains(5, 6) }
      },
      async (context) => ({ ...(await greeting(2)(context)), chains: chains(6, 5) }),
    )
    const client = await connecting
    await client.send(bytes(494, 7))
    expect(await take(await accepted, 1)).toEqual([bytes(494, 7)])
    await client.close()
  })

  it.each([
    [true, 1],
    [false, 0],
  ])('may ask for a certificate or not: %s', async (requestCertificate, length) => {
    const chains: (readonly Uint8Array[])[] = []
    const { connecting } = await start(
      (context) => {
        chains.push(context.peerChain)
        return greeting(1)(context)
      },
      greeting(2),
      { requestCertificate, credentials: createServiceCredentials() },
    )
    await (await connecting).close()
    expect(chains).toMatchObject([{ length }])
  })

  it('whose handshake throws ends both ends, each with its own error', async () => {
    const refuse: Handshake<number> = async () => {
      throw new Error('refused')
    }
    const { connecting, errors } = await start(refuse, greeting(2))
    expect(await errorOf(connecting)).toMatchObject({ code: 'CLOSED', temporary: true })
    expect(errors).toMatchObject([{ code: 'HANDSHAKE', message: 'refused', cause: { message: 'refused' } }])
  })
})
