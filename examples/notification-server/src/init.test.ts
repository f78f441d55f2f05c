import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exitCodes } from 'example-chat'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type InitOptions, initCommand } from './init.js'

const server = `smp://${'A'.repeat(43)}=:hunter2@smp.example.org`

let folder: string
let lines: string[]
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'ntf '))
  lines = []
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

const inData = (name: string) => path.join(folder, 'data', name)
const read = (name: string) => fs.readFileSync(inData(name), 'utf8')
const init = (options: Partial<InitOptions> = {}) =>
  initCommand(
    [],
    { data: inData(''), server: [server], yes: true, ...options },
    { signal: new AbortController().signal, stop() {}, log: (line) => void lines.push(line) },
  )

describe('init', () => {
  it('makes config, keys and databases for their owner alone, and overwrites nothing', async () => {
    const options = { provider: ['webpush'], set: ['providers.webpush.subject=mailto:a@example.org'] }
    expect(await init(options)).toBe(exitCodes.ok)
    expect(lines.join('\n')).not.toContain('hunter2')
    expect(fs.statSync(inData('')).mode & 0o777).toBe(0o700)
    const names = ['agent.db', 'database.key', 'notifications.db', 'smpkit-ntf.toml', 'vapid.json']
    expect(fs.readdirSync(inData('')).sort()).toEqual(names)
    for (const name of names) expect(fs.statSync(inData(name)).mode & 0o777).toBe(0o600)
    expect(JSON.parse(read('vapid.json'))).toEqual({ publicKey: expect.any(String), privateKey: expect.any(String) })
    const before = names.map(read)
    await expect(init()).rejects.toMatchObject({
      code: exitCodes.usage,
      message: expect.stringContaining('there is a config already'),
    })
    expect(names.map(read)).toEqual(before)
  })

  it('keeps keys that are there: a config may be lost alone', async () => {
    const options = { provider: ['webpush'], set: ['providers.webpush.subject=mailto:a@example.org'] }
    await init(options)
    const keys = ['database.key', 'vapid.json'].map(read)
    fs.rmSync(inData('smpkit-ntf.toml'))
    await init(options)
    expect(['database.key', 'vapid.json'].map(read)).toEqual(keys)
  })

  it('makes an identity for the NTF protocol, once, and needs no SMP server for it', async () => {
    expect(await init({ server: [], ntf: 'ntf.example.org', ntfAlgorithm: 'ed448' })).toBe(exitCodes.ok)
    expect(read('smpkit-ntf.toml')).toMatch(/^listen = "0\.0\.0\.0:443"\n.*\nhost = "ntf\.example\.org"$/m)
    expect(lines.join('\n')).toMatch(/^the address for apps: ntf:\/\/[\w-]{43}=@ntf\.example\.org$/m)
    expect(lines.join('\n')).toMatch(/^move .*ntf-ca\.key to a place that is not online/m)
    const names = ['ntf-server.crt', 'ntf-server.key']
    const before = names.map(read)
    // As it was advised to.
    fs.rmSync(inData('ntf-ca.key'))
    fs.rmSync(inData('smpkit-ntf.toml'))
    await init({ ntf: 'ntf.example.org' })
    expect(names.map(read)).toEqual(before)
  })

  it.each([
    ['ntf.example.org', '0.0.0.0:443'],
    ['ntf.example.org,[2001:db8::1]:8443', '0.0.0.0:8443'],
    ['[2001:db8::1]', '0.0.0.0:443'],
  ])('listens where apps of %s come', async (ntf, listen) => {
    await init({ ntf })
    expect(read('smpkit-ntf.toml')).toContain(`listen = "${listen}"`)
  })

  it('takes any key', async () => {
    const set = ['limits.tokens=9', 'smp.own_domains=example.org,example.com', 'metrics.listen=127.0.0.1:9464']
    await init({ name: 'wake', provider: ['console'], set })
    expect(read('smpkit-ntf.toml')).toMatch(/^name = "wake"$/m)
    expect(read('smpkit-ntf.toml')).toMatch(/^tokens = 9$/m)
    expect(read('smpkit-ntf.toml')).toMatch(/^own_domains = \[ "example.org", "example.com" \]$/m)
  })

  it.each([
    [/^smp\.servers: expected at least one SMP server, or ntf\.listen$/, { server: [] }],
    [/^ntf\.host: expected <host>/, { ntf: 'a b' }],
    [/^ntf\.host: expected <host>/, { ntf: 'ntf.example.org:0' }],
    [/--server: expected smp:\/\//, { server: ['example.org'] }],
    [/--provider: expected one of apns\.prod,.*webpush/, { provider: ['gcm'] }],
    [/--set: expected <section>/, { set: ['limits.token=3'] }],
    [/--set: expected <section>/, { set: ['limits.constructor=3'] }],
    [/^limits\.tokens: expected an integer, at least 1, got 0$/, { set: ['limits.tokens=0'] }],
    [/^database\.url: expected postgresql:/, { database: 'mysql://hunter2@host' }],
    [/^providers\.webpush\.subject: expected a value/, { provider: ['webpush'] }],
    [/expected a name/, { name: '#1' }],
  ])('makes nothing when it says %s', async (message, options) => {
    const error = await init(options).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: exitCodes.usage, message: expect.stringMatching(message) })
    expect((error as Error).message).not.toContain('hunter2')
    expect(fs.existsSync(inData(''))).toBe(false)
  })
})
