// A backup of the store that is opened after the original was used on.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { find, get } from '@smpkit/agent-store'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectionId, idFromText } from './connection-id.js'
import type { Storage } from './testing/storage.js'
import { bytes, connectByInvitation, text, User, useUsers } from './testing/users.js'

let server: SmpServer
const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-restored-'))
beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

let number = 0
/** A store of SQLite whose backup takes its place. */
function backedUpStorage(): Storage & { backUp(): Promise<void>; restore(): void } {
  let file = path.join(folder, `${number++}.db`)
  let copy = ''
  let store: Awaited<ReturnType<typeof openSqliteStore>> | undefined
  return {
    async open() {
      store = await openSqliteStore(new Database(file))
      return store
    },
    close: (opened) => opened.close(),
    drop: async () => {},
    async backUp() {
      copy = path.join(folder, `${number++}.db`)
      await store?.backup(copy)
    },
    restore() {
      file = copy
    },
  }
}

const users = useUsers(() => ({ servers: [server.addressText] }))

async function ratchetOf({ store }: User, connection: ConnectionId) {
  const { ratchet } = await store.read({ ratchet: get('ratchets', { connId: idFromText(connection) }) })
  return ratchet
}

async function restorable() {
  const storage = backedUpStorage()
  const alice = new User(storage, { servers: [server.addressText] })
  await alice.start()
  const bob = await users.create()
  return { alice, bob, storage }
}

describe('a restored backup', () => {
  it('encrypts nothing with the old ratchet, and goes on with a new one', async () => {
    const { alice, bob, storage } = await restorable()
    const [a, b] = await connectByInvitation(alice, bob)
    await storage.backUp()
    for (const message of ['one', 'two']) await alice.agent.send(a, bytes(message))
    expect(await bob.messages(2)).toEqual(['one', 'two'])
    await alice.stop()
    storage.restore()
    await bob.agent.send(b, bytes('to the restored one'))
    await bob.taken('sent')
    await alice.start()
    const before = await ratchetOf(alice, a)
    await expect(alice.agent.send(a, bytes('x'))).rejects.toMatchObject({ code: 'SYNCHRONIZATION' })
    expect(await ratchetOf(alice, a)).toEqual(before)
    expect((await alice.found('synchronization', 'error', 'message')).state).toBe('required')
    await alice.agent.synchronize(a)
    expect((await alice.found('synchronization', 'error', 'message')).state).toBe('started')
    expect((await alice.found('synchronization', 'error', 'message')).state).toBe('agreed')
    expect((await alice.found('synchronization')).state).toBe('ok')
    for (const state of ['agreed', 'ok']) expect((await bob.taken('synchronization')).state).toBe(state)
    await alice.agent.send(a, bytes('again'))
    expect(await bob.messages(1)).toEqual(['again'])
    await bob.agent.send(b, bytes('and back'))
    expect(text((await alice.found('message', 'sent')).body)).toBe('and back')
    await alice.drop()
  })

  it('does not encrypt because a message of the old chain was decrypted', async () => {
    const { alice, bob, storage } = await restorable()
    const [a, b] = await connectByInvitation(alice, bob)
    await bob.agent.send(b, bytes('one'))
    expect(await alice.messages(1)).toEqual(['one'])
    await storage.backUp()
    await alice.stop()
    storage.restore()
    await bob.agent.send(b, bytes('two'))
    await alice.start()
    const message = await alice.find('message', 'synchronization')
    expect(text(message.body)).toBe('two')
    await message.ack({ receipt: true })
    await expect(alice.agent.send(a, bytes('x'))).rejects.toMatchObject({ code: 'SYNCHRONIZATION' })
    const { deliveries } = await alice.store.read({
      deliveries: find('deliveries', 'byConnection', { connId: idFromText(a) }),
    })
    expect(deliveries).toEqual([])
    await alice.drop()
  })

  it('goes on by itself when the peer has begun a new chain', async () => {
    const { alice, bob, storage } = await restorable()
    const [a, b] = await connectByInvitation(alice, bob)
    await alice.agent.send(a, bytes('one'))
    expect(await bob.messages(1)).toEqual(['one'])
    await alice.taken('sent')
    await storage.backUp()
    await alice.stop()
    storage.restore()
    await bob.agent.send(b, bytes('two'))
    await alice.start()
    for (const state of ['required', 'ok']) expect((await alice.taken('synchronization')).state).toBe(state)
    expect(await alice.messages(1)).toEqual(['two'])
    await alice.agent.send(a, bytes('three'))
    expect(await bob.messages(1)).toEqual(['three'])
    await alice.drop()
  })

  it('tells that a connection which was being made is none', async () => {
    const { alice, bob, storage } = await restorable()
    const { link } = await bob.agent.createInvitation()
    const { port } = server
    const state = await server.stop()
    await alice.agent.join(link, { info: bytes('alice') })
    await storage.backUp()
    await alice.stop()
    storage.restore()
    await alice.start()
    server = await startSmpServer({ port, state })
    expect(await alice.found('failed', 'synchronization')).toMatchObject({ code: 'SYNCHRONIZATION' })
    await alice.drop()
  })
})
