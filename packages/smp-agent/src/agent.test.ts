import { openMemoryStore } from '@smpkit/agent-store'
import { describe, expect, it } from 'vitest'
import { openAgent } from './agent.js'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, text, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))

it('a store is used by one agent at a time', async () => {
  await using store = openMemoryStore()
  const options = { store, servers: [server().addressText] }
  await expect(openAgent({ ...options, servers: ['example.org'] })).rejects.toMatchObject({ code: 'ADDRESS' })
  const first = await openAgent(options)
  await expect(openAgent(options)).rejects.toMatchObject({ name: 'RequestError', code: 'PROHIBITED' })
  await first.close()
  await (await openAgent(options)).close()
})

describe('two agents', () => {
  it('connect by an invitation and exchange messages', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a, b] = await connectByInvitation(alice, bob)
    for (let i = 0; i < 10; i++) {
      await alice.agent.send(a, bytes(`hello ${i}`))
      await bob.agent.send(b, bytes(`hi ${i}`))
    }
    expect(await bob.messages(10)).toEqual(Array.from({ length: 10 }, (_, i) => `hello ${i}`))
    expect(await alice.messages(10)).toEqual(Array.from({ length: 10 }, (_, i) => `hi ${i}`))
  })

  it.each([true, false])(
    'send as much as is documented, and tell by how much more is too much (post-quantum: %s)',
    async (pqSupport) => {
      const [alice, bob] = [await users.create({ pqSupport }), await users.create({ pqSupport })]
      const [a] = await connectByInvitation(alice, bob)
      const max = pqSupport ? 13_573 : 15_795
      await expect(alice.agent.send(a, new Uint8Array(max + 1))).rejects.toMatchObject({
        code: 'LARGE',
        message: `expected a message of at most ${max} bytes, got ${max + 1}`,
      })
      await alice.agent.send(a, new Uint8Array(max))
      expect((await bob.taken('message')).body).toEqual(new Uint8Array(max))
    },
  )

  it('connect by a contact address', async () => {
    const [owner, guest] = [await users.create(), await users.create()]
    const { link } = await owner.agent.createAddress()
    const g = await guest.agent.join(link, { info: bytes('guest') })
    const request = await owner.taken('request')
    expect(text(request.info)).toBe('guest')
    const o = await owner.agent.accept(request.requestId, { info: bytes('owner') })
    expect(text((await guest.taken('confirmation')).info)).toBe('owner')
    await guest.agent.allow(g, bytes('guest again'))
    expect(text((await owner.taken('info')).info)).toBe('guest again')
    await owner.taken('connected')
    await guest.taken('connected')
    await owner.agent.send(o, bytes('welcome'))
    await owner.taken('sent')
    expect(text((await guest.taken('message')).body)).toBe('welcome')
  })
})

describe('a caller without types', () => {
  it('is told what was expected', async () => {
    const { agent } = await users.create()
    const { connection, link } = await agent.createInvitation()
    const invalid = { code: 'INVALID' }
    await expect(agent.send(connection, 'text' as never)).rejects.toMatchObject(invalid)
    await expect(agent.join(link, undefined as never)).rejects.toMatchObject(invalid)
    await expect(agent.join(link, {} as never)).rejects.toMatchObject(invalid)
    await expect(agent.allow(connection, undefined as never)).rejects.toMatchObject(invalid)
    await expect(agent.accept('AAAAAAAAAAAAAAAA', {} as never)).rejects.toMatchObject(invalid)
    const servers = ['smp://abc@127.0.0.1']
    await expect(users.create({ servers })).rejects.toThrow('fingerprint of 32 bytes')
  })
})
