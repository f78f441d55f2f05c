import { once } from 'node:events'
import net from 'node:net'
import { NtfClient, ntfAddressToText, parseNtfAddress, testNtfServer } from '@smpkit/ntf-protocol'
import { cmd } from '@smpkit/smp-commands'
import { startSmpServer } from '@smpkit/smp-server'
import { describe, expect, it } from 'vitest'
import { address, initNtf, phone } from './testing/ntf.js'
import { end, freePort, run, serving, start } from './testing/program.js'

describe('the door of the NTF protocol', () => {
  it('A13, A14, R9, R11, R12, R13: needs no SMP server, is tried out with apns_null, and shows in status and metrics', async () => {
    const metrics = await freePort()
    const port = await initNtf('--set', `metrics.listen=127.0.0.1:${metrics}`)
    const server = await serving('data')
    const text = await address()
    expect(text).toMatch(new RegExp(`^ntf://[\\w-]{43}=@127\\.0\\.0\\.1:${port}$`))
    expect(await testNtfServer(text)).toBeUndefined()
    const other = ntfAddressToText({ ...parseNtfAddress(text), keyHash: new Uint8Array(32) })
    expect(await testNtfServer(other)).toMatchObject({ step: 'connect' })

    await using client = new NtfClient(text)
    const { key, register } = phone()
    // Nobody has turned `apns_test` on.
    await expect(client.request({ command: register, key })).rejects.toMatchObject({
      name: 'NtfReplyError',
      error: cmd('PROHIBITED'),
    })
    expect((await run('status', '--data', 'data')).stdout).toContain(`NTF connections: 1, at ${text}`)
    const page = async (name: string) => await (await fetch(`http://127.0.0.1:${metrics}/${name}`)).text()
    expect(await page('readyz')).toBe('ok\n')
    const lines = (await page('metrics')).split('\n')
    expect(lines).toContain('simplex_ntf_client_connections 1')
    expect(lines).toContain('simplex_ntf_commands_total{command="TNEW"} 2')
    expect(lines).toContain('simplex_ntf_commands_total{command="TDEL"} 1')
    expect(lines).toContain('simplex_ntf_command_errors_total{error="CMD"} 1')

    expect(await end(server, 'SIGINT')).toBe(0)
    const { stderr } = await server.ended
    expect(stderr).toMatch(/"level":"warn".*no provider of \[providers\.apns\] is enabled/)
    expect(stderr).toContain(`"ntf":"${text}"`)
    expect(await address()).toBe(text)
  })

  it('is there beside the contact address', async () => {
    await using smp = await startSmpServer()
    await initNtf('--server', smp.addressText, '--set', 'smp.allow=127.0.0.0/8')
    const server = await serving('data')
    const printed = (await address()).split('\n')
    expect(printed).toEqual([
      expect.stringMatching(/^simplex:\/a/),
      expect.stringMatching(/^simplex:\/contact/),
      expect.stringMatching(/^ntf:/),
    ])
    expect(await testNtfServer(printed.at(-1) ?? '')).toBeUndefined()
    expect(await end(server, 'SIGTERM')).toBe(0)
    const { stdout } = await run('address', '--json', '--data', 'data')
    expect(Object.values(JSON.parse(stdout)).sort()).toEqual(printed.sort())
  })

  it('says where it cannot be listened on', async () => {
    const port = await initNtf()
    const taken = net.createServer().listen(port, '127.0.0.1')
    await once(taken, 'listening')
    const { code, stderr } = await start('data').ended
    taken.close()
    expect(code).toBe(1)
    expect(stderr).toContain(`ntf.listen: 127.0.0.1, port ${port} cannot be listened on: `)
    expect(stderr).toContain('EADDRINUSE')
  })
})
