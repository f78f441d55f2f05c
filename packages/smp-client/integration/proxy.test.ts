import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { describe, expect, it, type TestContext } from 'vitest'
import { getLinkData, ProxiedRelay, type Queue, secureAsSender, sendMessage } from '../src/index.js'
import { bytes, text, useTarget } from './target.js'

const target = useTarget()

/** The second server is the proxy, so that the first one is the relay. */
async function proxied(context: TestContext, password = target.secondPassword): Promise<ProxiedRelay> {
  target.needs(context, 'second-server')
  return new ProxiedRelay(await target.open({}, target.secondAddress), target.address, { password })
}

const to = ({ senderId }: Queue) => ({ senderId, senderKey: null })

describe('sending through a proxy', () => {
  it('secures a queue with keys of each kind and sends to it', async (context) => {
    const relay = await proxied(context)
    const recipient = await target.open()
    for (const algorithm of ['ed25519', 'ed448', 'x25519'] as const) {
      const queue = await target.newQueue(recipient)
      const senderKey = PrivateKey.generate(algorithm)
      await secureAsSender(relay, queue.senderId, senderKey)
      await sendMessage(relay, { ...queue, senderKey }, bytes(algorithm))
      const { value } = await recipient.messages(queue).next()
      const content = value?.open()
      expect(content?.quota === false && text(content.body)).toBe(algorithm)
      await value?.ack()
    }
  })

  it('takes the longest message', async (context) => {
    const relay = await proxied(context)
    const queue = await target.newQueue(await target.open())
    await sendMessage(relay, to(queue), new Uint8Array(16_048))
  })

  it('answers the relay’s errors as the relay’s', async (context) => {
    const relay = await proxied(context)
    const unknown = { senderId: randomBytes(24), senderKey: null }
    await expect(sendMessage(relay, unknown, bytes('x'))).rejects.toMatchObject({ code: 'AUTH', from: 'relay' })
    await expect(getLinkData(relay, randomBytes(24))).rejects.toMatchObject({ code: 'AUTH', from: 'relay' })
    const ping = relay.request({ command: { tag: 'PING' } })
    await expect(ping).rejects.toMatchObject({ from: 'relay', reply: { code: 'CMD', inner: { code: 'PROHIBITED' } } })
  })

  it('answers the proxy’s errors as the proxy’s', async (context) => {
    target.needs(context, 'second-server')
    const proxy = await target.open({}, target.secondAddress)
    const address = { ...target.address, keyHash: randomBytes(32) }
    const relay = new ProxiedRelay(proxy, address, { password: target.secondPassword })
    await expect(getLinkData(relay, randomBytes(24))).rejects.toMatchObject({
      from: 'proxy',
      reply: { code: 'PROXY', inner: { code: 'BROKER', inner: { code: 'NETWORK' } } },
    })
  })

  it('needs the proxy’s password', async (context) => {
    target.needs(context, 'second-server', 'second-password')
    const relay = await proxied(context, 'wrong')
    await expect(getLinkData(relay, randomBytes(24))).rejects.toMatchObject({
      from: 'proxy',
      reply: { code: 'PROXY', inner: { code: 'BASIC_AUTH' } },
    })
  })

  it('of many commands at the same time uses one session with the relay', async (context) => {
    const relay = await proxied(context)
    const queue = await target.newQueue(await target.open(), { subMode: 'create' })
    await Promise.all(Array.from({ length: 40 }, (_, i) => sendMessage(relay, to(queue), bytes(String(i)))))
  })
})
