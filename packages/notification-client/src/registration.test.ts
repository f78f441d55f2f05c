// Answers of a notification server that is none, or that wants to do harm; the good ones are in client.test.ts.
import { PrivateKey } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { ServiceStatusError } from '@smpkit/service-protocol'
import { describe, expect, it } from 'vitest'
import { secretOf } from './device-secret.js'
import { Registration } from './registration.js'
import type { ServiceConnection } from './service-connection.js'
import { ServiceSide } from './service-side.js'
import { memoryState, Records } from './state.js'

const { signal } = new AbortController()

/** Each request is answered by the next of them. */
async function registering(answers: (object | Error)[], minutes = 0) {
  const records = new Records(memoryState())
  const asked: unknown[][] = []
  const request = async (...args: unknown[]) => {
    asked.push(args.slice(0, 3))
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return { status: 'ok', data: answer }
  }
  const connection = {
    ask: (_signal: AbortSignal, attempt: (ask: unknown, options: object) => unknown) =>
      attempt(request, { id: '', signal }),
  } as unknown as ServiceConnection
  const server = new ServiceSide({ connection, wait: 0, signal })
  const open = () => Registration.restore({ records, server, period: () => minutes })
  const registration = await open()
  await registration.setDevice({ provider: 'console', token: 'a phone' })
  return { registration, records, asked, open }
}

const dhKey = () => toBase64url(PrivateKey.generate('x25519').publicKey.toDer())
const created = (key: string) => ({ resource: '/ntf/tokens/abc', dhKey: key, status: 'registered' })

describe('a registration', () => {
  const lowOrder = PrivateKey.generate('x25519').publicKey.toDer().fill(0, 12)
  it.each([
    ['no DER', new Uint8Array(44)],
    ['a key of another kind', PrivateKey.generate('ed25519').publicKey.toDer()],
    ['a point of low order', lowOrder],
  ])('does not take %s as the key of the server, and goes on with a good one', async (_, bad) => {
    const { registration, records } = await registering([created(toBase64url(bad)), created(dhKey())])
    await expect(registration.advance()).rejects.toMatchObject({ code: 'SERVICE', temporary: false })
    expect(await records.device.get()).toMatchObject({ token: null })
    await registration.advance()
    const record = await records.device.get()
    expect(record && secretOf(record)).toHaveLength(32)
  })

  it('has its key written before it is told, and tells the same one when it is repeated', async () => {
    const { registration, records, asked, open } = await registering([new Error('the process ends'), created(dhKey())])
    const { key } = (await records.device.get()) ?? {}
    expect(key).toEqual(expect.any(String))
    await expect(registration.advance()).rejects.toThrow('the process ends')
    await (await open()).advance()
    expect(asked[1]).toEqual(asked[0])
    expect(await records.device.get()).toMatchObject({ key, token: { id: 'abc' } })
  })

  it('tells the period again after the device was registered again', async () => {
    const [again, active, expired] = [created(dhKey()), { status: 'active' }, { status: 'expired' }]
    const answers = [created(dhKey()), active, {}, expired, again, active, {}]
    const { registration, asked } = await registering(answers, 30)
    await registration.advance()
    for (const _ of [1, 2]) {
      await registration.check()
      await registration.setPeriod()
    }
    await registration.check()
    await registration.setPeriod()
    await registration.setPeriod()
    const periods = asked.filter(([, resource]) => resource === '/ntf/tokens/:id/periodic')
    expect(periods.map(([, , data]) => data)).toEqual([{ minutes: 30 }, { minutes: 30 }])
  })

  it('gives up a connection for which the device has another key', async () => {
    const conflict = new ServiceStatusError('conflict', { reason: 'key' })
    const { registration } = await registering([conflict])
    await expect(registration.advance()).rejects.toMatchObject({ reason: 'conflict', cause: conflict })
  })
})
