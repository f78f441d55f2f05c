import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { BlockChain } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import type { BlockConnection, ServerSession } from '@smpkit/smp-commands'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import { SmpTransportError } from './errors.js'
import type { ListenOptions } from './listen.js'
import { blockSize } from './smp.js'
import { block, bytes, cleanUp, ended, errorOf, openTls, startServer, startTcp, take } from './testing/fixtures.js'

afterEach(cleanUp)

const brief = 300

/** Our server's end of a connection whose client is a bare socket that has done the handshake, without encryption. */
async function rawClient(
  options: Partial<ListenOptions> = {},
): Promise<{ socket: TLSSocket; connection: BlockConnection<ServerSession> }> {
  const { address, accepted } = await startServer(options)
  const socket = await openTls(address, { highWaterMark: 1 << 20 } as object)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.write(block(Uint8Array.from([0, 20, 32, ...address.keyHash, 0x46, 0x30])))
  return { socket, connection: await accepted() }
}

async function bothEnds(serverOptions: Partial<ListenOptions> = {}, clientOptions = {}) {
  const { address, accepted } = await startServer(serverOptions)
  const client = await connectSmp(address, clientOptions)
  return { client, server: await accepted() }
}

describe('blocks', () => {
  it.each([1, 7, 1000, 16383, 16384, 16385, 40_000])('arrive whole from chunks of %i bytes', async (chunk) => {
    const { socket, connection } = await rawClient()
    const count = chunk === 1 ? 1 : 12
    const contents = Array.from({ length: count }, (_, i) => bytes(i * 100, i))
    const stream = concat(...contents.map(block))
    const writing = (async () => {
      for (let at = 0; at < stream.length; at += chunk) {
        socket.write(stream.subarray(at, at + chunk))
        if (at % (chunk * 64) === 0) await new Promise(setImmediate)
      }
    })()
    expect(await take(connection, count)).toEqual(contents)
    await writing
  })

  it('belong to the receiver and are no Buffers', async () => {
    const { socket, connection } = await rawClient()
    socket.write(concat(block(bytes(10, 1)), block(bytes(10, 2))))
    const [first, second] = (await take(connection, 2)) as [Uint8Array, Uint8Array]
    expect(Buffer.isBuffer(first)).toBe(false)
    first.fill(9)
    expect(second).toEqual(bytes(10, 2))
  })

  it('with a wrong length inside come as empty, and the connection goes on', async () => {
    const { socket, connection } = await rawClient()
    socket.write(concat(bytes(blockSize, 255), block(bytes(3))))
    expect(await take(connection, 2)).toEqual([bytes(0), bytes(3)])
  })

  it('random ones never end the connection', async () => {
    const { socket, connection } = await rawClient()
    const blocks = fc.sample(fc.uint8Array({ minLength: 64, maxLength: 64 }), 200)
    for (const random of blocks) socket.write(concat(random, bytes(blockSize - 64)))
    socket.write(block(bytes(1)))
    expect((await take(connection, 201)).at(-1)).toEqual(bytes(1))
  })

  it('that cannot be decrypted come as empty, and the next one is opened', async () => {
    const { address } = await startServer({
      async onConnection(connection) {
        for await (const content of connection) await connection.send(content)
      },
    })
    const client = await connectSmp(address)
    const { sealInto } = BlockChain.prototype
    BlockChain.prototype.sealInto = function (target, payload) {
      sealInto.call(this, target, payload)
      target[20] = (target[20] as number) ^ 1
    }
    const broken = client.send(bytes(5))
    BlockChain.prototype.sealInto = sealInto
    await broken
    await client.send(bytes(6))
    expect(await take(client, 2)).toEqual([bytes(0), bytes(6)])
    await client.close()
  })

  it('that are too large are refused, and the next one is still understood', async () => {
    const { client, server } = await bothEnds()
    const error = await errorOf(client.send(bytes(16367)))
    expect(error).toMatchObject({ code: 'LARGE_MSG', message: 'expected a content of at most 16366 bytes, got 16367' })
    await client.send(bytes(16366))
    expect(await take(server, 1)).toEqual([bytes(16366)])
  })
})

describe('back-pressure', () => {
  it('a receiver that takes nothing stops the sender, and loses nothing', async () => {
    const { client, server } = await bothEnds({ inboundBlocks: 4 })
    const count = 1000
    let sent = 0
    const sending = (async () => {
      for (; sent < count; sent++) await client.send(bytes(8, sent))
    })()
    let before = -1
    while (sent !== before) {
      before = sent
      await delay(200)
    }
    // What stands between them: both ends' buffers and the system's.
    expect(sent).toBeLessThan(count)
    const contents = await take(server, count)
    await sending
    expect(contents).toEqual(Array.from({ length: count }, (_, i) => bytes(8, i)))
  })

  it('a sender that does not await is bounded, and its stream stays in order', async () => {
    const { client, server } = await bothEnds({ inboundBlocks: 4 }, { outboundBlocks: 20, highWaterMark: blockSize })
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        client.send(bytes(8, i)).then(
          () => true,
          (error) => error.code,
        ),
      ),
    )
    const accepted = results.flatMap((result, i) => (result === true ? [i] : []))
    expect(results.filter((result) => result !== true)).toEqual(Array(40 - accepted.length).fill('LIMIT'))
    expect(accepted.length).toBeLessThan(40)
    await client.send(bytes(1, 99))
    const contents = await take(server, accepted.length + 1)
    expect(contents.map((content) => content[0])).toEqual([...accepted, 99])
  })

  it('a peer that sends without reading costs a bounded buffer and ends with the time-out', async () => {
    const { socket, connection } = await rawClient({ writeTimeout: brief, inboundBlocks: 4 })
    socket.pause()
    const echoing = (async () => {
      for await (const content of connection) await connection.send(content)
    })()
    let flooding = true
    void ended(socket).then(() => {
      flooding = false
    })
    socket.pause()
    const stream = block(bytes(16000))
    let room = () => {}
    socket.on('drain', () => room())
    for (let i = 0; i < 4000 && flooding; i++) {
      const drained = new Promise<void>((resolve) => {
        room = resolve
      })
      if (!socket.write(stream)) await Promise.race([drained, connection.closed])
    }
    expect(await connection.closed).toMatchObject({ code: 'TIMEOUT', temporary: true })
    expect(await errorOf(echoing)).toMatchObject({ code: 'TIMEOUT' })
  })

  it('who does not await send learns of the end from closed alone', async () => {
    const { socket, connection } = await rawClient({ writeTimeout: brief })
    socket.pause()
    // Node would end the test run for an unhandled rejection.
    let ended = false
    const closed = connection.closed.finally(() => {
      ended = true
    })
    while (!ended) {
      for (let i = 0; i < 50; i++) void connection.send(bytes(16000))
      await delay(5)
    }
    expect(await closed).toMatchObject({ code: 'TIMEOUT' })
    void connection.send(bytes(1))
    await delay(10)
  })
})

describe('the end', () => {
  it('close writes what was sent before', async () => {
    const { client, server } = await bothEnds()
    const count = 200
    for (let i = 0; i < count; i++) void client.send(bytes(16000, i))
    const closing = client.close()
    const contents = await take(server)
    await closing
    expect(contents).toHaveLength(count)
    expect(contents.at(-1)).toEqual(bytes(16000, count - 1))
    expect(await client.closed).toBeUndefined()
  })

  it('close ends the iteration, and what came is dropped', async () => {
    const { client, server } = await bothEnds()
    const taking = take(client)
    await client.close()
    expect(await taking).toEqual([])
    await server.send(bytes(1)).catch(() => {})
    expect(await take(client)).toEqual([])
  })

  it('a send that waits when close is called settles when its block is written', async () => {
    const { client, server } = await bothEnds({}, { highWaterMark: blockSize })
    const sending = Array.from({ length: 40 }, () => client.send(bytes(16000)))
    const closing = client.close()
    expect(await take(server)).toHaveLength(40)
    await Promise.all(sending)
    await closing
  })

  it('close does not wait for a peer that reads a little now and then', async () => {
    const { socket, connection } = await rawClient({ writeTimeout: brief })
    socket.pause()
    let accepted = 0
    const send = () => connection.send(bytes(16000)).then(() => accepted++)
    // Until nothing fits any more between the two.
    while ((await Promise.race([send(), delay(100, 'full')])) !== 'full');
    for (let i = 0; i < 200; i++) void send().catch(() => {})
    const reading = setInterval(() => socket.read(100_000), 20)
    await connection.close()
    clearInterval(reading)
    expect(await connection.closed).toMatchObject({ code: 'TIMEOUT', message: /did not read all/ })
  })

  it('close twice, and after the end, settles', async () => {
    const { client, server } = await bothEnds()
    await Promise.all([client.close(), client.close()])
    await server.closed
    await server.close()
    await server[Symbol.asyncDispose]()
  })

  it('close does not wait for a peer that does not end', async () => {
    const { socket, connection } = await rawClient()
    socket.allowHalfOpen = true
    socket.pause()
    await connection.close()
    expect(await connection.closed).toBeUndefined()
  })

  it('what came before the peer ended can still be taken', async () => {
    const { client, server } = await bothEnds()
    await client.send(bytes(4))
    await client.close()
    await server.closed
    expect(await take(server)).toEqual([bytes(4)])
  })

  it('in the middle of a block is an error of both numbers', async () => {
    const { socket, connection } = await rawClient()
    socket.end(concat(block(bytes(4)), bytes(100)))
    expect(await take(connection)).toEqual([bytes(4)])
    const error = await connection.closed
    expect(error).toMatchObject({ code: 'CLOSED', temporary: true, message: /expected 16384 bytes, got 100$/ })
    expect(await errorOf(connection.send(bytes(1)))).toBe(error)
  })

  it('by a reset is an error of the network', async () => {
    const { address, accepted } = await startServer()
    const raw = connect(Number(address.port), '127.0.0.1')
    const socket = tlsConnect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['smp/1'] })
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('data', resolve))
    socket.write(block(Uint8Array.from([0, 20, 32, ...address.keyHash, 0x46, 0x30])))
    const connection = await accepted()
    raw.resetAndDestroy()
    expect(await connection.closed).toMatchObject({ temporary: true })
    expect(await take(connection)).toEqual([])
  })

  it.each([
    ['no TLS', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a record that cannot be decrypted', Buffer.concat([Buffer.from([23, 3, 3, 0, 32]), Buffer.alloc(32)])],
  ])('comes to both ends when %s gets into the stream', async (_, injected) => {
    const { address, accepted } = await startServer()
    const sockets: Socket[] = []
    const relay = await startTcp((socket) => {
      const onward = connect(Number(address.port), '127.0.0.1').on('error', () => {})
      sockets.push(socket, onward)
      socket.pipe(onward).pipe(socket)
    })
    for (const victim of [0, 1]) {
      const client = await connectSmp(relay)
      const server = await accepted()
      sockets.splice(0)[victim]?.write(injected)
      const ends = [await client.closed, await server.closed]
      expect(ends[1 - victim]).toBeInstanceOf(SmpTransportError)
      expect(ends[victim]).toMatchObject({ code: 'TLS', temporary: true })
    }
  })

  it('by a reset is noticed although nobody takes what came', async () => {
    const { address, accepted } = await startServer({ inboundBlocks: 2 })
    const raw = connect(Number(address.port), '127.0.0.1')
    const socket = tlsConnect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['smp/1'] })
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('data', resolve))
    socket.write(block(Uint8Array.from([0, 20, 32, ...address.keyHash, 0x46, 0x30])))
    const connection = await accepted()
    for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => socket.write(block(bytes(1, i)), () => resolve()))
    // What came before stands in our buffers, no more in the system's: Node does not look past them.
    await delay(200)
    raw.resetAndDestroy()
    expect(await connection.closed).toMatchObject({ code: 'NETWORK', temporary: true })
  })

  it('by our close is noticed at once although more came than anybody takes', async () => {
    const { client, server } = await bothEnds({ inboundBlocks: 2 })
    const flood = async () => {
      for (;;) await client.send(bytes(16000))
    }
    const flooding = errorOf(flood())
    await delay(100)
    const closing = server.close()
    expect(await take(server)).toEqual([])
    await closing
    expect(await server.closed).toBeUndefined()
    expect(await flooding).toMatchObject({ temporary: true })
  })

  it('comes to a connection on which nothing happens', async () => {
    const { client, server } = await bothEnds({ idleTimeout: brief })
    expect(await take(server)).toEqual([])
    expect(await server.closed).toMatchObject({ code: 'TIMEOUT', message: `no block for ${brief} ms` })
    await client.close()
  })

  it('comes to one on which only parts of a block trickle in', async () => {
    const { socket, connection } = await rawClient({ idleTimeout: brief })
    const trickle = setInterval(() => socket.write(bytes(1)), 20)
    expect(await connection.closed).toMatchObject({ code: 'TIMEOUT' })
    clearInterval(trickle)
  })

  it('does not come while blocks go to and fro', async () => {
    const { client, server } = await bothEnds({ idleTimeout: 1500 })
    for (let i = 0; i < 6; i++) {
      await client.send(bytes(1, i))
      expect(await take(server, 1)).toEqual([bytes(1, i)])
      await delay(300)
    }
    await client.close()
    expect(await server.closed).toBeUndefined()
  })
})
