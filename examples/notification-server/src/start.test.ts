import fs from 'node:fs'
import { openMemoryStore } from '@smpkit/agent-store'
import { PrivateKey } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { openAgent } from '@smpkit/smp-agent'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { openPostgresPool } from 'example-chat'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresMissing, testDatabase } from '../../../scripts/postgres.mjs'
import { admin, freePort, inFolder, run, serving, start } from './testing/program.js'

let server: SmpServer
beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(() => server.stop())

async function init(data: string, ...args: string[]): Promise<void> {
  const common = ['--server', server.addressText, '--provider', 'console', '--set', 'smp.allow=127.0.0.0/8']
  expect(await run('init', '--data', data, ...common, ...args)).toMatchObject({ code: 0 })
}

/** Registers a device over an agent connection to the address; gives the answer. */
async function register(link: string, token: string): Promise<{ event: string; params: { data: unknown } }> {
  await using store = openMemoryStore()
  await using agent = await openAgent({ store, servers: [server.addressText] })
  const info = { v: '1', event: 'x.contact', params: { profile: { displayName: 'phone', fullName: '' } } }
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const connection = await agent.join(link, { info: bytes(info) })
  for await (const event of agent.events()) {
    await event.ack()
    if (event.type === 'confirmation') await agent.allow(connection, bytes({ ...info, event: 'x.info' }))
    if (event.type === 'connected') {
      const dhKey = toBase64url(PrivateKey.generate('x25519').publicKey.toDer())
      const params = { resource: '/ntf/tokens', data: { provider: 'console', token, dhKey } }
      await agent.send(connection, bytes({ v: '1', msgId: 'nGJPk7yq3SkQ', event: 's.post', params }))
    }
    if (event.type === 'message') return JSON.parse(new TextDecoder().decode(event.body))
  }
  throw new Error('the agent has ended')
}

describe('a running server', () => {
  it('lets clients in over its address, pushes to their devices, and is asked over its socket', async () => {
    const metrics = await freePort()
    await init('data', '--set', `metrics.listen=127.0.0.1:${metrics}`)
    const one = await serving('data')
    const [, link = ''] = /^(simplex:\/contact\S+)$/m.exec((await run('address', '--data', 'data')).stdout) ?? []
    expect(await register(link, 'my phone')).toMatchObject({
      event: 's.created',
      params: { data: { status: 'registered' } },
    })
    await one.until(/push to device [\da-f]{8}: verification/)

    expect((await run('status', '--data', 'data')).stdout).toMatch(/^running since \d+ s\ntokens: 1 /)
    const tokens = await (await admin('data')).tokens({ limit: 10 })
    expect(tokens).toMatchObject([{ provider: 'console' }])
    expect(JSON.stringify(tokens)).not.toContain('my phone')
    const get = async (path: string) => await fetch(`http://127.0.0.1:${metrics}${path}`)
    expect((await get('/readyz')).status).toBe(200)
    expect(await (await get('/metrics')).text()).toMatch(
      /simplex_ntf_pushes_total\{provider="console",outcome="accepted",reason=""\} 1/,
    )
    expect(await run('migrate', '--data', 'data')).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/another process uses it/),
    })

    one.kill('SIGTERM')
    const { code, stdout, stderr } = await one.ended
    expect(code).toBe(0)
    expect(stdout + stderr).not.toContain('my phone')
    for (const line of stderr.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) })
    expect(fs.existsSync(inFolder('data/status.sock'))).toBe(false)
    expect((await run('address', '--data', 'data')).stdout).toContain(link)
  })

  it('goes on after it was killed, and from a backup', async () => {
    await init('data')
    const one = await serving('data')
    const address = await (await admin('data')).address({})
    expect((await run('backup', 'copy', '--data', 'data')).code).toBe(0)
    fs.copyFileSync(inFolder('data/database.key'), inFolder('copy/database.key'))
    one.kill('SIGKILL')
    await one.ended
    expect((await run('status', '--data', 'data')).stdout).toMatch(/^not running/)
    await serving('data')
    expect(await (await admin('data')).address({})).toEqual(address)
    await serving('copy')
    expect(await (await admin('copy')).address({})).toEqual(address)
  })

  it.skipIf(postgresMissing())('takes over from another on PostgreSQL when that one is killed', async () => {
    const database = await testDatabase()
    try {
      await init('first', '--database', database.url, '--set', 'database.stand_by=true')
      fs.cpSync(inFolder('first'), inFolder('second'), { recursive: true })
      const first = await serving('first')
      const second = start('second')
      await second.until(/"msg":"waiting until no other process/, 'stderr')
      expect(await run('backup', 'copy', '--data', 'first')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/pg_dump/),
      })
      first.kill('SIGKILL')
      await second.until(/"msg":"serving/, 'stderr')
      second.kill('SIGTERM')
      expect((await second.ended).code).toBe(0)
    } finally {
      await database.drop()
    }
  })

  it.skipIf(postgresMissing())('stops, and waits for its turn, when its connection to PostgreSQL is lost', async () => {
    const database = await testDatabase()
    try {
      await init('lonely', '--database', database.url, '--set', 'database.stand_by=true')
      const program = await serving('lonely')
      const pool = await openPostgresPool(database.url)
      await pool.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
      await pool.end()
      await program.until(/the connection to the database is lost[\s\S]*"msg":"serving/, 'stderr')
      program.kill('SIGTERM')
      expect((await program.ended).code).toBe(0)
    } finally {
      await database.drop()
    }
  })
})
