import fs from 'node:fs'
import { NtfClient } from '@smpkit/ntf-protocol'
import { startApnsFake } from '@smpkit/push-providers/testing'
import { describe, expect, it } from 'vitest'
import { address, apnsTest, initNtf, phone, verificationCode } from './testing/ntf.js'
import { end, freePort, inFolder, run, serving, start } from './testing/program.js'

describe('ntf-cert', () => {
  it('T12: renews the online certificate, with the same address and the same tokens, also after a kill', async () => {
    await using fake = await startApnsFake()
    await initNtf(...apnsTest(fake))
    const first = await serving('data')
    const text = await address()
    await using client = new NtfClient(text)
    const app = phone()
    const { key } = app
    const token = await client.request({ command: app.register, key })
    const ask = { entityId: token.tokenId, key }
    await client.request({ ...ask, command: { tag: 'TVFY', code: await verificationCode(fake, app, token.dhKey) } })
    await end(first, 'SIGKILL')

    fs.renameSync(inFolder('data/ntf-ca.key'), inFolder('offline.key'))
    const before = fs.readFileSync(inFolder('data/ntf-server.crt'), 'utf8')
    expect(await run('ntf-cert', '--data', 'data')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--ca-key: the file .* cannot be read/),
    })
    const renewed = await run('ntf-cert', '--data', 'data', '--ca-key', 'offline.key', '--algorithm', 'ed448')
    expect(renewed).toMatchObject({ code: 0, stderr: expect.stringContaining(`the address for apps: ${text}\n`) })
    expect(fs.readFileSync(inFolder('data/ntf-server.crt'), 'utf8')).not.toBe(before)
    await serving('data')
    await using other = new NtfClient(text)
    expect(await other.request({ ...ask, command: { tag: 'TCHK' } })).toMatchObject({ status: 'ACTIVE' })
  })

  it('makes an identity for a server that is there', async () => {
    const server = `smp://${'A'.repeat(43)}=@smp.example.org`
    expect(await run('init', '--data', 'data', '--server', server)).toMatchObject({ code: 0 })
    const config = inFolder('data/smpkit-ntf.toml')
    const toml = fs.readFileSync(config, 'utf8')
    fs.writeFileSync(config, toml.replace('# listen = "0.0.0.0:443"', `listen = "127.0.0.1:${await freePort()}"`))
    const { code, stderr } = await start('data').ended
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/the command ntf-cert makes it/) })
    const made = await run('ntf-cert', '--data', 'data')
    expect(made.stderr).toMatch(/^the address for apps: ntf:\/\/[\w-]{43}=@127\.0\.0\.1:\d+\nkeep copies of /)
    expect(made.code).toBe(0)
  })
})
