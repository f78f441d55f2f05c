import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exitCodes, ProgramError } from 'example-chat'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Admin } from './admin.js'
import { connectAdmin, serveAdmin } from './admin-socket.js'

let folder: string
let file: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'ntf '))
  file = path.join(folder, 'status.sock')
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

const admin: Admin = {
  status: async () => ({ startedAt: 1, tokens: {}, subscriptions: {}, servers: [], ntf: null, owed: 2, answered: [] }),
  tokens: async ({ after = '', limit }) => [{ id: `${after}${limit}` } as never],
  outbox: () => Promise.reject(new ProgramError(exitCodes.database, 'the database is away')),
  address: async () => ({ link: 'x'.repeat(100_000), shortLink: null, ntf: null }),
  backup: async ({ folder }) => [folder],
}

describe('the socket of a running server', () => {
  it('carries calls with what they take, give and throw', async () => {
    const served = await serveAdmin(file, admin)
    const client = await connectAdmin(file)
    expect(await client?.status({})).toMatchObject({ startedAt: 1, owed: 2 })
    expect(await client?.tokens({ after: 'a', limit: 3 })).toEqual([{ id: 'a3' }])
    expect((await client?.address({}))?.link).toHaveLength(100_000)
    await expect(client?.outbox({ limit: 1 })).rejects.toMatchObject({
      code: exitCodes.database,
      message: 'the database is away',
    })
    await served.close()
  })

  it('is for its owner alone, and gone after the end', async () => {
    const served = await serveAdmin(file, admin)
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    await served.close()
    expect(fs.existsSync(file)).toBe(false)
    expect(await connectAdmin(file)).toBeUndefined()
  })

  it('is nobody, where a killed process left it, and is made anew', async () => {
    fs.writeFileSync(file, '')
    expect(await connectAdmin(file)).toBeUndefined()
    const served = await serveAdmin(file, admin)
    expect(await connectAdmin(file)).toBeDefined()
    await served.close()
  })

  it('says so where its path is too long', async () => {
    await expect(serveAdmin(path.join(folder, 'x'.repeat(100)), admin)).rejects.toThrow(/at most 103/)
  })
})
