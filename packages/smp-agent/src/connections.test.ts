import { describe, expect, it } from 'vitest'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))

describe('what an application may know', () => {
  it('of a connection has the same security code on both sides', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a, b] = await connectByInvitation(alice, bob)
    const [hers, his] = [await alice.agent.connection(a), await bob.agent.connection(b)]
    expect(hers).toMatchObject({ connection: a, mode: 'invitation', canSend: true, synchronization: 'ok' })
    expect(hers.securityCode).toHaveLength(32)
    expect(hers.securityCode).toEqual(his.securityCode)
    expect(hers.receiveServers).toEqual(his.sendServers)
    await expect(alice.agent.connection(b)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('lists connections and addresses, also those that are not made yet', async () => {
    const alice = await users.create()
    const invitation = await alice.agent.createInvitation()
    const address = await alice.agent.createAddress()
    const found = new Map<string, unknown>()
    for await (const { connection, mode, canSend, securityCode } of alice.agent.connections()) {
      found.set(connection, { mode, canSend, securityCode })
    }
    const none = { canSend: false, securityCode: null }
    expect(found).toEqual(
      new Map([
        [invitation.connection, { mode: 'invitation', ...none }],
        [address.connection, { mode: 'contact', ...none }],
      ]),
    )
  })

  it('of a message of ours goes on from queued over sent to received', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    const id = await alice.agent.send(a, bytes('hello'))
    await alice.taken('sent')
    expect(await alice.agent.messageStatus(a, id)).toBe('sent')
    await (await bob.take('message')).ack({ receipt: true })
    const receipt = await alice.take('receipt')
    expect(receipt.id).toBe(id)
    expect(await alice.agent.messageStatus(a, id)).toBe('received')
    await receipt.ack()
    await expect(alice.agent.messageStatus(a, id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
