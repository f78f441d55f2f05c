import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { randomBytes } from '@smpkit/crypto'
import { connectThroughSocks } from '@smpkit/smp-transport'
import { expect, it, onTestFinished } from 'vitest'
import { getLinkData, newQueue, ProxiedRelay, ping, SmpPool, sendMessage } from '../src/index.js'
import { bytes, text, useTarget } from './target.js'

const target = useTarget()

/** A SOCKS5 proxy for user names, which knows where the servers are: each message of the other end comes in one piece. */
async function startSocks(): Promise<{ port: number; usernames: string[] }> {
  const usernames: string[] = []
  const message = async (socket: Socket): Promise<Buffer> => (await once(socket, 'data'))[0]
  const serve = async (socket: Socket) => {
    await message(socket)
    socket.write(Uint8Array.of(5, 2))
    const authentication = await message(socket)
    usernames.push(authentication.toString('latin1', 2, 2 + (authentication[1] ?? 0)))
    socket.write(Uint8Array.of(1, 0))
    const request = await message(socket)
    const isName = request[3] === 3
    const host = isName ? request.toString('latin1', 5, -2) : [...request.subarray(4, -2)].join('.')
    const server = connect(request.readUInt16BE(request.length - 2), host)
    socket.on('close', () => server.destroy())
    server.on('error', () => socket.destroy())
    server.on('close', () => socket.destroy())
    await once(server, 'connect')
    socket.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    socket.pipe(server).pipe(socket)
  }
  const proxy = createServer((socket) => {
    socket.on('error', () => {})
    void serve(socket)
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void proxy.close())
  return { port: (proxy.address() as AddressInfo).port, usernames }
}

async function socksPool() {
  const { port, usernames } = await startSocks()
  const pool = new SmpPool({ connect: connectThroughSocks({ host: '127.0.0.1', port }) })
  onTestFinished(() => pool.close())
  return { pool, usernames }
}

it('users of a pool have a user name each at the SOCKS proxy, for all their servers', async (context) => {
  target.needs(context, 'second-server')
  const { pool, usernames } = await socksPool()
  for (const userId of ['1', '2', '1', '2']) await ping(pool.server(target.address, userId))
  for (const userId of ['1', '2']) await ping(pool.server(target.secondAddress, userId))
  const [first, second] = usernames
  expect(first).not.toBe(second)
  expect(usernames).toEqual([first, second, first, second])
})

it('messages go through the SOCKS proxy, and through an SMP proxy behind it', async (context) => {
  target.needs(context, 'second-server')
  const { pool, usernames } = await socksPool()
  const recipient = pool.server(target.address, 'recipient')
  const queue = await newQueue(recipient, { password: target.password })
  const proxy = pool.server(target.secondAddress, 'sender')
  const route = new ProxiedRelay(proxy, target.address, { password: target.secondPassword })
  await sendMessage(route, { ...queue, senderKey: null }, bytes('far'))
  const { value } = await recipient.messages(queue).next()
  const content = value?.open()
  expect(content?.quota === false && text(content.body)).toBe('far')
  await expect(getLinkData(route, randomBytes(24))).rejects.toMatchObject({ code: 'AUTH', from: 'relay' })
  expect(new Set(usernames).size).toBe(2)
})
