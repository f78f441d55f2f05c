import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../dist/index.js', import.meta.url))

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

interface Line {
  type: string
  step?: number | null
  what?: string
  from?: string
  to?: string
  bytes?: number
  title?: string
  fields?: Record<string, string>
}

async function walk(...args: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await run('--json', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('the demo', () => {
  test("walks through the RFC's seven steps in order, and the phone reads what was sent", async () => {
    const lines = await walk('--message', 'Grüße, phone')
    const steps = lines.filter(({ step }) => typeof step === 'number').map(({ step, what }) => `${step} ${what}`)
    expect(steps).toEqual([
      '1 NKEY',
      '2 NID',
      '3 s.post /ntf/subscriptions',
      '4 NSUB',
      '5 SOK',
      '6 s.created',
      '5 NMSG',
      '7 push (message)',
    ])
    const words = lines.map(({ what }) => what)
    for (const word of ['NKEY', 'NID', 's.post /ntf/tokens', 'NSUB', 'NMSG', 's.created', 's.ok', 'GET', 'ACK']) {
      expect(words).toContain(word)
    }
    expect(lines.find(({ title }) => title === 'The message')?.fields).toEqual({ text: 'Grüße, phone' })
    expect(lines.at(-1)?.type).toBe('end')
  })

  test('walks through the same steps where the phone speaks the NTF protocol, and APNs pushes', async () => {
    const lines = await walk('--protocol', 'ntf', '--message', 'Grüße, app')
    const steps = lines.filter(({ step }) => typeof step === 'number').map(({ step, what }) => `${step} ${what}`)
    expect(steps).toEqual(['1 NKEY', '2 NID', '3 SNEW', '4 NSUB', '5 SOK', '6 SUB', '5 NMSG', '7 push (message)'])
    const withServer = lines.filter(({ from, to }) => [from, to].sort().join() === 'notification server,recipient')
    const talk = withServer.flatMap(({ what, bytes }) => (bytes === undefined ? [] : [what]))
    expect(talk.slice(0, 6)).toEqual(['TNEW', 'IDTKN', 'TVFY', 'OK', 'SNEW', 'IDSUB'])
    expect(talk.slice(-2)).toEqual(['SCHK', 'SUB'])
    // What fits a block of 512 bytes.
    for (const { bytes } of withServer) expect(bytes ?? 0).toBeLessThanOrEqual(491)
    const pushes = lines.filter(({ title }) => title?.startsWith('What the push provider'))
    expect(pushes.map(({ fields }) => fields?.type)).toEqual([
      'background, for the app app.example',
      'alert, for the app app.example',
    ])
    expect(JSON.stringify(pushes)).not.toContain('Grüße, app')
    expect(lines.find(({ title }) => title === 'The message')?.fields).toEqual({ text: 'Grüße, app' })
    expect(lines.at(-1)?.type).toBe('end')
  })

  test('shows the push as the provider sees it, without the message and without the token', async () => {
    const opaque = (await walk('--message', 'a secret')).filter(({ title }) =>
      title?.startsWith('What the push provider'),
    )
    expect(opaque).toHaveLength(2)
    for (const { fields } of opaque)
      expect(fields?.console).toMatch(/^push to device [0-9a-f]{8}: (verification|message)/)
    expect(JSON.stringify(opaque)).not.toContain('a secret')
  })

  test('uses the server that it is given, with its password', async () => {
    await using server: SmpServer = await startSmpServer({ password: 'letmein', notificationTick: 100 })
    const [start] = await walk('--server', server.addressTextWithPassword)
    expect(JSON.stringify(start)).toContain(server.addressText)
    expect(JSON.stringify(start)).not.toContain('letmein')
    const refused = await run('--server', server.addressText)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^the demo failed: .*AUTH/)
  })

  test('says what did not work and ends with 1', async () => {
    const closed = await new Promise<number>((resolve) => {
      const listener = createServer().listen(0, '127.0.0.1', () => {
        const { port } = listener.address() as { port: number }
        listener.close(() => resolve(port))
      })
    })
    const { code, stderr } = await run('--server', `smp://${'A'.repeat(43)}=@127.0.0.1:${closed}`)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^the demo failed: .*ECONNREFUSED/)
    const wrong = await run('--server', 'http://example.com')
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--server: expected smp://') })
  })

  test('prints lines for a person by default, and explains its options', async () => {
    const { code, stdout } = await run()
    expect(code).toBe(0)
    expect(stdout).toMatch(/ 1 recipient → SMP server +NKEY +\d+ B/)
    expect(stdout).toMatch(/ 3 recipient → ntf server +s\.post +\d+ B +\/ntf\/subscriptions/)
    expect(stdout).toMatch(/ 6 ntf server → recipient +s\.created +\d+ B +[\d.]+ ms/)
    expect(stdout).not.toContain('\n\n\n')
    const ntf = await run('--protocol', 'ntf')
    expect(ntf.code).toBe(0)
    expect(ntf.stdout).toMatch(/ 3 recipient → ntf server +SNEW +\d+ B/)
    for (const line of `${stdout}${ntf.stdout}`.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    expect(await run('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--server') })
    const other = await run('--protocol', 'smtp')
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('--protocol: expected s.* or ntf') })
    expect(await run('--what')).toMatchObject({ code: 2, stderr: expect.stringContaining('--what') })
  })
})
