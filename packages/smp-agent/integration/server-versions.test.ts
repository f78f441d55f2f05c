import { describe, expect, it } from 'vitest'
import { bytes, connectByAddress, connectByInvitation, useUsers } from '../src/testing/users.js'
import { quick, useServer } from './target.js'

describe.each([14, 15, 16, 17, 18, 19, 20])('over servers of version %i', (version) => {
  const server = useServer({ versionRange: { min: version, max: version } })
  const users = useUsers(() => ({ ...quick, servers: [server.address] }))

  it('invitations and addresses connect', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    for (const connect of [connectByInvitation, connectByAddress]) {
      const [a, b] = await connect(alice, bob)
      await alice.agent.send(a, bytes('hello'))
      expect(await bob.messages(1)).toEqual(['hello'])
      await bob.agent.send(b, bytes('hi'))
      expect(await alice.messages(1)).toEqual(['hi'])
      await bob.taken('sent')
    }
  })
})
