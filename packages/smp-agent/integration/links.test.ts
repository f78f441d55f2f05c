import { describe, expect, it } from 'vitest'
import { bytes, connectByInvitation, useUsers } from '../src/testing/users.js'
import { useTarget } from './target.js'

const target = useTarget()
const code = (code: string) => expect.objectContaining({ code })
const joiner = { info: bytes('joiner') }

describe('links', () => {
  const users = useUsers(target.first)

  it('of which each kind is refused at once that cannot be joined', async () => {
    const user = await users.create()
    const { link } = await user.agent.createInvitation()
    const bad: [string, string][] = [
      ['', 'SYNTAX'],
      ['https://example.com', 'SYNTAX'],
      [link.slice(0, -30), 'SYNTAX'],
      [link.replace('invitation', 'message'), 'SYNTAX'],
      [link.replace('v=2-7', 'v=8-9'), 'VERSION'],
      [link.replace('v=2-7', 'v=1-1'), 'VERSION'],
      [link.replace('v%3D2-3', 'v%3D4-5'), 'VERSION'],
      [`${link}&data=${'x'.repeat(100_000)}`, 'LENGTH'],
    ]
    for (const [text, problem] of bad) {
      await expect(user.agent.join(text, joiner), text.slice(0, 60)).rejects.toEqual(
        expect.objectContaining({ name: 'LinkError', code: problem }),
      )
    }
  })

  it('to a queue that the server does not have fail with an event', async () => {
    const user = await users.create()
    const [{ link: invitation }, { link: address }] = [
      await user.agent.createInvitation(),
      await user.agent.createAddress(),
    ]
    for (const link of [invitation, address]) {
      const other = link.replace(/%2F[\w-]{32}%23/, `%2F${'A'.repeat(32)}%23`)
      expect(other).not.toBe(link)
      const connection = await user.agent.join(other, joiner)
      expect(await user.taken('failed')).toMatchObject({ connection, code: 'NOT_AVAILABLE' })
    }
  })

  it('refuse information that no confirmation can hold', async () => {
    const user = await users.create()
    const [{ link: invitation }, { link: address }] = [
      await user.agent.createInvitation(),
      await user.agent.createAddress(),
    ]
    for (const link of [invitation, address]) {
      const info = new Uint8Array(10_901)
      await expect(user.agent.join(link, { info })).rejects.toEqual(code('LARGE'))
    }
  })

  it('carry information of the largest size, with the post-quantum ratchet and without', async () => {
    for (const [pqSupport, size] of [
      [true, 10_900],
      [false, 14_600],
    ] as const) {
      const [alice, bob] = [await users.create({ pqSupport }), await users.create({ pqSupport })]
      const info = new Uint8Array(size).fill(7)
      const { connection, link } = await alice.agent.createInvitation()
      await bob.agent.join(link, { info })
      expect((await alice.taken('confirmation')).info).toEqual(info)
      await alice.agent.allow(connection, info)
      expect((await bob.taken('info')).info).toEqual(info)
    }
  })

  it('of users who have several connections keep them apart', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const first = await connectByInvitation(alice, bob)
    const second = await connectByInvitation(alice, bob)
    await alice.agent.send(first[0], bytes('one'))
    expect(await bob.taken('message')).toMatchObject({ connection: first[1] })
    await alice.agent.send(second[0], bytes('two'))
    expect(await bob.taken('message')).toMatchObject({ connection: second[1] })
  })
})
