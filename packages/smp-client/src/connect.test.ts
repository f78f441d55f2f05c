import type { ServerAddress } from '@smpkit/smp-commands/address'
import { describe, expect, it } from 'vitest'
import type { ConnectOptions } from './connect.js'
import { defaultConnect } from './default-connect-none.js'
import { openSession } from './open-session.js'
import { SmpPool } from './pool.js'
import { address, Unreachable } from './testing/fake-network.js'
import { fakeConnection } from './testing/fake-server.js'

describe('opening a session', () => {
  it('takes the connection that `connect` makes', async () => {
    const session = await openSession(address(), { connect: async () => fakeConnection().connection })
    expect(await session.request({ command: { tag: 'PING' } })).toEqual({ tag: 'PONG' })
    await session.close()
  })

  it.each([
    ['NETWORK', true],
    ['IDENTITY', false],
  ])('fails as `connect` does: %s is temporary: %s', async (code, temporary) => {
    const failure = new Unreachable(code)
    const opening = openSession(address(), { connect: () => Promise.reject(failure) })
    await expect(opening).rejects.toMatchObject({ code: 'CONNECT', temporary, cause: failure })
  })

  it('is given up with the signal', async () => {
    const signal = AbortSignal.abort(new Error('why'))
    const connect = async () => fakeConnection().connection
    await expect(openSession(address(), { connect, signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('tells `connect` whose connection it is', async () => {
    const users: (string | undefined)[] = []
    const connect = async (_: ServerAddress, { userId }: ConnectOptions) => {
      users.push(userId)
      return fakeConnection().connection
    }
    await (await openSession(address(), { connect, userId: '1' })).close()
    await using pool = new SmpPool({ connect })
    await pool.server(address(), '2').connected()
    await pool.server(address()).connected()
    expect(users).toEqual(['1', '2', ''])
  })

  it('needs `connect` where there is no default', async () => {
    const opening = openSession(address(), { connect: defaultConnect })
    await expect(opening).rejects.toMatchObject({ code: 'CONNECT', temporary: false })
  })
})
