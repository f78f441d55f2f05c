import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Host, parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { startSmpServer } from '@smpkit/smp-server'
import { expect, onTestFinished, test } from 'vitest'
import { guardedConnect } from './guarded-connect.js'

const keyHash = Buffer.alloc(32, 7).toString('base64url')
const addressOf = (hosts: string): ServerAddress => parseServerAddress(`smp://${keyHash}=@${hosts}:1`, 'smp')
const onion = `${'a'.repeat(56)}.onion`

async function start() {
  const smp = await startSmpServer()
  onTestFinished(() => smp.stop().then(() => {}))
  return smp
}

/** Notes whom it is asked to connect to, and refuses. */
async function startProxy() {
  const asked: string[] = []
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    let step = 0
    socket.on('data', (data) => {
      step++
      if (step === 1) socket.write(Uint8Array.of(5, 2))
      else if (step === 2) socket.write(Uint8Array.of(1, 0))
      else {
        const length = data[4] ?? 0
        asked.push(data[3] === 3 ? data.subarray(5, 5 + length).toString() : `ip ${[...data.subarray(4, 8)].join('.')}`)
        socket.end(Uint8Array.of(5, 4, 0, 1, 0, 0, 0, 0, 0, 0))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { asked, host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

test.each(['127.0.0.1', '10.1.2.3', '[::1]', '169.254.169.254', '0x7f.1', '2130706433', 'localhost'])(
  '%s is refused',
  async (host) => {
    await expect(guardedConnect()(addressOf(host), {})).rejects.toMatchObject({
      code: 'REFUSED_ADDRESS',
      temporary: false,
    })
  },
)

test('a name is refused if any of its addresses is not global unicast, and resolved once', async () => {
  let times = 0
  const lookup = async () => {
    times++
    return ['8.8.8.8', '127.0.0.1']
  }
  const connecting = guardedConnect({ connect: { lookup } })(addressOf('a.example'), {})
  await expect(connecting).rejects.toMatchObject({ code: 'REFUSED_ADDRESS' })
  expect(times).toBe(1)
})

test('what the operator allows is connected to', async () => {
  const smp = await start()
  const connection = await guardedConnect({ allow: ['127.0.0.0/8'] })(smp.address, {})
  await connection.close()
})

test('.onion is left out without a proxy', async () => {
  await expect(guardedConnect()(addressOf(onion), {})).rejects.toMatchObject({ code: 'HOST' })
})

test('.onion goes through the proxy, after the other hosts, which do not', async () => {
  const proxy = await startProxy()
  const connect = guardedConnect({ socks: proxy, connect: { lookup: async () => ['127.0.0.1'] } })
  await expect(connect(addressOf(`a.example,${onion}`), {})).rejects.toThrow()
  expect(proxy.asked).toEqual([onion])
  const smp = await start()
  const hosts: Host[] = [...smp.address.hosts, { type: 'onion', text: onion }]
  const both = guardedConnect({ socks: proxy, allow: ['127.0.0.1'] })
  await (await both({ ...smp.address, hosts }, {})).close()
  expect(proxy.asked).toHaveLength(1)
})

test('all goes through the proxy where the operator says so, but never what is of a network of its own', async () => {
  const proxy = await startProxy()
  const connect = guardedConnect({ socks: { ...proxy, for: 'all' } })
  await expect(connect(addressOf('a.example'), {})).rejects.toThrow()
  expect(proxy.asked).toEqual(['a.example'])
  for (const host of ['127.0.0.1', '192.168.0.1', '2130706433', '127.0x1', 'localhost', 'router', 'x.local', '[::1]'])
    await expect(connect(addressOf(host), {})).rejects.toMatchObject({ code: 'REFUSED_ADDRESS' })
  expect(proxy.asked).toHaveLength(1)
})

test('a wrong network is told at once', () => {
  expect(() => guardedConnect({ allow: ['10.0.0.0/99'] })).toThrow()
})
