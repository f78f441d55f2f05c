import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { addressPolicy } from '@smpkit/smp-commands/address'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeviceTokenError } from './errors.js'
import { type GuardOptions, guardedHttps, readPushUrl } from './guarded-https.js'
import { createTestIdentity } from './testing/authority.js'
import { type EndpointFake, startEndpointFake } from './testing/endpoint-fake.js'

const loopback = addressPolicy({ allow: ['127.0.0.1', '::1'] })
const identity = createTestIdentity()
const signal = new AbortController().signal
let fake: EndpointFake<string>

beforeAll(async () => {
  fake = await startEndpointFake<string>(async ({ url, headers }) => `${headers.host}${url}`, {
    accepted: 200,
    identity,
  })
})
afterAll(() => fake.close())

/** Posts to the fake under a name, and tells what it was. */
async function post(options: GuardOptions, host = 'localhost', path = '/') {
  const https = guardedHttps({ ca: fake.ca, ...options })
  const before = fake.connections.made
  const url = new URL(`https://${host}:${fake.port}${path}`)
  const result = await https.post(url, { headers: {}, body: '' }, { signal, timeoutMs: 5000 })
  https.close()
  return { result, connections: fake.connections.made - before }
}

const nowhere = { result: { failed: 'address' }, connections: 0 }

describe('where strangers send us', () => {
  it('is refused by default where it is this machine, by whatever spelling', async () => {
    const spellings = [
      'localhost',
      '127.0.0.1',
      '2130706433',
      '0x7f.1',
      '127.1',
      '0177.0.0.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
    ]
    for (const host of [...spellings, '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '0', '169.254.169.254']) {
      expect(await post({}, host)).toEqual(nowhere)
    }
  })

  it('is refused where one address of several is not allowed', async () => {
    for (const addresses of [
      ['127.0.0.1', '10.0.0.1'],
      ['10.0.0.1', '127.0.0.1'],
      ['127.0.0.1', 'other.example'],
    ]) {
      expect(await post({ allowAddress: loopback, lookup: async () => addresses })).toEqual(nowhere)
    }
  })

  it('is reached where the operator allows it, under its own name', async () => {
    expect(await post({ allowAddress: loopback }, 'localhost', '/named')).toMatchObject({ result: { status: 200 } })
    expect(fake.received.at(-1)).toBe(`localhost:${fake.port}/named`)
  })

  it('is looked up once for a connection, which goes to the address that was checked', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']]
    const asked: string[] = []
    const lookup = async (host: string) => {
      asked.push(host)
      return answers[asked.length - 1] ?? []
    }
    const https = guardedHttps({ ca: fake.ca, allowAddress: loopback, lookup })
    const send = () => https.post(new URL(fake.origin), { headers: {}, body: '' }, { signal, timeoutMs: 5000 })
    expect(await send()).toMatchObject({ status: 200 })
    // The connection is used again.
    expect(await send()).toMatchObject({ status: 200 })
    expect(asked).toEqual(['localhost'])
    fake.answer('drop')
    expect(await send()).toEqual({ failed: 'lost' })
    fake.answer('accepted')
    expect(await send()).toEqual({ failed: 'address' })
    expect(asked).toEqual(['localhost', 'localhost'])
    https.close()
  })

  it('is checked at all its addresses, of which few are tried', async () => {
    const asked: string[] = []
    const options: GuardOptions = {
      lookup: async () => Array.from({ length: 100 }, (_, i) => `127.0.1.${i}`).concat('127.0.0.1'),
      allowAddress: (ip) => asked.push(ip) > 0,
    }
    expect(await post(options)).toEqual({ result: { failed: 'connect' }, connections: 0 })
    expect(asked.length).toBe(101)
  })

  it('is no connection where the name has no address', async () => {
    const failed = { result: { failed: 'connect' }, connections: 0 }
    expect(await post({ allowAddress: loopback, lookup: async () => [] })).toEqual(failed)
    expect(await post({ allowAddress: loopback, lookup: () => Promise.reject(new Error('not found')) })).toEqual(failed)
  })

  it('is no onion name, which nobody is asked for', async () => {
    const asked: string[] = []
    const lookup = async (host: string) => {
      asked.push(host)
      return ['127.0.0.1']
    }
    for (const host of ['abc.onion', 'ABC.ONION', 'abc.onion.']) {
      expect(await post({ allowAddress: loopback, lookup }, host)).toEqual(nowhere)
    }
    expect(asked).toEqual([])
  })

  it('must show a certificate of that name', async () => {
    const lookup = async () => ['127.0.0.1']
    expect((await post({ allowAddress: loopback, lookup }, 'other.example')).result).toEqual({ failed: 'connect' })
  })

  it('does not lead on', async () => {
    fake.answer({ status: 307, location: `${fake.origin}/other` })
    const before = fake.received.length
    expect((await post({ allowAddress: loopback })).result).toMatchObject({ status: 307 })
    expect(fake.received.length).toBe(before + 1)
    fake.answer('accepted')
  })
})

describe('connections', () => {
  it('are bounded for each origin, and one that hangs keeps no other waiting', async () => {
    const other = await startEndpointFake<string>(async () => 'other', { accepted: 200, identity })
    const https = guardedHttps({ ca: fake.ca, allowAddress: loopback, maxPerOrigin: 2 })
    const abort = new AbortController()
    const send = (origin: string) =>
      https.post(new URL(origin), { headers: {}, body: '' }, { signal: abort.signal, timeoutMs: 60_000 })
    fake.answer('hang')
    const before = fake.received.length
    const hanging = Array.from({ length: 5 }, () => send(fake.origin))
    while (fake.received.length < before + 2) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await send(other.origin)).toMatchObject({ status: 200 })
    expect(fake.received.length).toBe(before + 2)
    abort.abort()
    for (const one of hanging) expect(await one).toEqual({ failed: 'aborted' })
    fake.answer('accepted')
    https.close()
    await other.close()
  })

  it('that the far end says to end soon are not used again', async () => {
    let made = 0
    const far = createServer(identity, (_, response) => response.setHeader('keep-alive', 'timeout=1').end())
    far.on('secureConnection', () => made++)
    far.listen(0, '127.0.0.1')
    await once(far, 'listening')
    const https = guardedHttps({ ca: fake.ca, allowAddress: loopback })
    const url = new URL(`https://localhost:${(far.address() as AddressInfo).port}`)
    for (let i = 0; i < 3; i++) await https.post(url, { headers: {}, body: '' }, { signal, timeoutMs: 5000 })
    expect(made).toBe(3)
    https.close()
    far.close()
  })

  it('that are not used end', async () => {
    const https = guardedHttps({ ca: fake.ca, allowAddress: loopback, idleTimeout: 20 })
    await https.post(new URL(fake.origin), { headers: {}, body: '' }, { signal, timeoutMs: 5000 })
    while (fake.connections.open > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    https.close()
  })
})

describe('a URL to push to', () => {
  const read = (text: unknown) => readPushUrl(text, {}).href

  it('is read to one text', () => {
    expect(read('HTTPS://Push.Example:443/a/../b?c')).toBe('https://push.example/b?c')
    expect(read('https://134744072')).toBe('https://8.8.8.8/')
    expect(read(`https://push.example/${'a'.repeat(979)}`).length).toBe(1000)
  })

  it.each([
    undefined,
    7,
    '',
    'push.example',
    'http://push.example/',
    'ftp://push.example/',
    'https://user@push.example/',
    'https://user:password@push.example/',
    'https://:password@push.example/',
    'https://push.example/#',
    'https://push.example/#fragment',
    'https://push.example:99999/',
    'https://abc.onion/',
    'https://ABC.onion./',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://[::1]/',
    'https://[::ffff:a00:1]/',
    'https://[fe80::1%25eth0]/',
    `https://push.example/${'a'.repeat(980)}`,
    `https://push.example/${'ä'.repeat(200)}`,
  ])('is not %s', (text) => expect(() => readPushUrl(text, {})).toThrow(DeviceTokenError))

  it('may be what the operator allows', () => {
    expect(readPushUrl('https://127.0.0.1:8443/', { allowAddress: loopback }).host).toBe('127.0.0.1:8443')
  })
})
