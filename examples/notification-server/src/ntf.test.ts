import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrivateKey } from '@smpkit/crypto'
import { NtfClient, ntfAddressToText, parseNtfAddress, testNtfServer } from '@smpkit/ntf-protocol'
import { openPush, tokenSecret } from '@smpkit/push-providers/payload'
import { type ApnsFake, startApnsFake } from '@smpkit/push-providers/testing'
import { startSmpServer } from '@smpkit/smp-server'
import { type StartedProgram, startProgram } from 'example-chat/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

let folder: string
const started: StartedProgram[] = []
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'ntf '))
})
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.kill('SIGKILL')
    await one.ended
  }
  fs.rmSync(folder, { recursive: true })
})

const run = (...args: string[]) => startProgram(program, args, { cwd: folder }).ended

async function freePort(): Promise<number> {
  const listener = net.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as net.AddressInfo
  listener.close()
  await once(listener, 'close')
  return port
}

/** `init` for the NTF protocol at some port; gives the port. */
async function init(...args: string[]): Promise<number> {
  const port = await freePort()
  const ntf = ['--ntf', '127.0.0.1', '--set', `ntf.listen=127.0.0.1:${port}`]
  expect(await run('init', '--data', 'data', ...ntf, ...args)).toMatchObject({ code: 0 })
  return port
}

function start(): StartedProgram {
  const one = startProgram(program, ['start', '--data', 'data'], { cwd: folder })
  started.push(one)
  return one
}

async function serving(): Promise<StartedProgram> {
  const one = start()
  await one.until(/"msg":"serving/, 'stderr')
  return one
}

const end = async (one: StartedProgram, signal: NodeJS.Signals) => {
  one.kill(signal)
  return (await one.ended).code
}

const address = async () => (await run('address', '--data', 'data')).stdout.trim()

/** A provider of tests whose far end is the fake. */
function apnsTest({ options }: ApnsFake): string[] {
  const { topic, teamId, keyId, key, host, port, ca } = options
  fs.writeFileSync(path.join(folder, 'apns.p8'), key)
  fs.writeFileSync(path.join(folder, 'ca.pem'), String(ca))
  const values = { topic, team_id: teamId, key_id: keyId, key_file: '../apns.p8' }
  const test = { host, port, ca_file: '../ca.pem' }
  return [
    ...['--provider', 'apns.test'],
    ...Object.entries(values).flatMap(([name, value]) => ['--set', `providers.apns.${name}=${value}`]),
    ...Object.entries(test).flatMap(([name, value]) => ['--set', `providers.apns.test.${name}=${value}`]),
  ]
}

const bytes = (text: string) => new TextEncoder().encode(text)

/** An app with a device token. */
function phone() {
  const [key, dhKey] = [PrivateKey.generate('ed25519'), PrivateKey.generate('x25519')]
  const register = {
    tag: 'TNEW',
    provider: 'AT',
    token: bytes('xyzw'),
    authKey: key.publicKey,
    dhKey: dhKey.publicKey,
  } as const
  return { key, dhKey, register }
}

describe('the NTF protocol', () => {
  it('A13, A14, R9, R11, R12: is served without an SMP server, tried out with apns_null, and seen in status and metrics', async () => {
    const metrics = await freePort()
    const port = await init('--set', `metrics.listen=127.0.0.1:${metrics}`)
    const server = await serving()
    const text = await address()
    expect(text).toMatch(new RegExp(`^ntf://[\\w-]{43}=@127\\.0\\.0\\.1:${port}$`))
    expect(await testNtfServer(text)).toBeUndefined()
    const other = ntfAddressToText({ ...parseNtfAddress(text), keyHash: new Uint8Array(32) })
    expect(await testNtfServer(other)).toMatchObject({ step: 'connect' })

    await using client = new NtfClient(text)
    const { key, register } = phone()
    await expect(client.request({ command: register, key })).rejects.toMatchObject({ name: 'NtfReplyError' })
    expect((await run('status', '--data', 'data')).stdout).toContain(`NTF clients: 1 connections to ${text}`)
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

  it('T12, R13: keeps its tokens when it is killed, ended, and gets a new online certificate', async () => {
    await using fake = await startApnsFake()
    await init(...apnsTest(fake))
    const text = await address()
    const first = await serving()
    await using client = new NtfClient(text)
    const { key, dhKey, register } = phone()
    const token = await client.request({ command: register, key })
    while (fake.pushes.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    const [push] = fake.pushes
    expect(push?.path).toBe('/3/device/xyzw')
    const opened = openPush(tokenSecret(dhKey, token.dhKey), JSON.parse(push?.body ?? '').notificationData)
    const { code } = opened as Extract<typeof opened, { kind: 'verification' }>
    const ask = { entityId: token.tokenId, key }
    await client.request({ ...ask, command: { tag: 'TVFY', code } })
    const status = async (where: string) => {
      await using other = new NtfClient(where)
      return (await other.request({ ...ask, command: { tag: 'TCHK' } })).status
    }
    expect(await status(text)).toBe('ACTIVE')
    await end(first, 'SIGKILL')
    const second = await serving()
    expect(await status(text)).toBe('ACTIVE')
    expect(await end(second, 'SIGTERM')).toBe(0)

    fs.renameSync(path.join(folder, 'data/ntf-ca.key'), path.join(folder, 'offline.key'))
    const before = fs.readFileSync(path.join(folder, 'data/ntf-server.crt'), 'utf8')
    expect(await run('ntf-cert', '--data', 'data')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--ca-key: the file .* cannot be read/),
    })
    const renewed = await run('ntf-cert', '--data', 'data', '--ca-key', 'offline.key', '--algorithm', 'ed448')
    expect(renewed).toMatchObject({ code: 0, stderr: expect.stringContaining(`the address for apps: ${text}\n`) })
    expect(fs.readFileSync(path.join(folder, 'data/ntf-server.crt'), 'utf8')).not.toBe(before)
    await serving()
    expect(await status(text)).toBe('ACTIVE')
  })

  it('is served beside the contact address', async () => {
    await using smp = await startSmpServer()
    await init('--server', smp.addressText, '--set', 'smp.allow=127.0.0.0/8')
    const server = await serving()
    const printed = (await address()).split('\n')
    expect(printed).toEqual([
      expect.stringMatching(/^simplex:\/a/),
      expect.stringMatching(/^simplex:\/contact/),
      expect.stringMatching(/^ntf:/),
    ])
    expect(await testNtfServer(printed.at(-1) ?? '')).toBeUndefined()
    expect(await end(server, 'SIGTERM')).toBe(0)
    expect((await address()).split('\n')).toEqual(printed)
    expect(JSON.parse((await run('address', '--json', '--data', 'data')).stdout)).toMatchObject({ ntf: printed.at(-1) })
  })

  it('says where it cannot be listened on', async () => {
    const port = await init()
    const taken = net.createServer().listen(port, '127.0.0.1')
    await once(taken, 'listening')
    const { code, stderr } = await start().ended
    taken.close()
    expect(code).toBe(1)
    expect(stderr).toContain(`ntf.listen: 127.0.0.1, port ${port} cannot be listened on: `)
    expect(stderr).toContain('EADDRINUSE')
  })

  it('is added to a server that is there', async () => {
    const least = ['--server', `smp://${'A'.repeat(43)}=@smp.example.org`]
    expect(await run('init', '--data', 'data', ...least)).toMatchObject({ code: 0 })
    const config = path.join(folder, 'data/smpkit-ntf.toml')
    const toml = fs.readFileSync(config, 'utf8')
    fs.writeFileSync(config, toml.replace('# listen = "0.0.0.0:443"', `listen = "127.0.0.1:${await freePort()}"`))
    const { code, stderr } = await start().ended
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/the command ntf-cert makes it/) })
    const made = await run('ntf-cert', '--data', 'data')
    expect(made.stderr).toMatch(/^the address for apps: ntf:\/\/[\w-]{43}=@127\.0\.0\.1:\d+\nkeep copies of /)
    expect(made.code).toBe(0)
  })
})
