import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProgram } from 'example-chat/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const server = `smp://${'A'.repeat(43)}=@smp.example.org`

let folder: string
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'ntf '))
})
afterAll(() => fs.rmSync(folder, { recursive: true }))

const run = (...args: string[]) => startProgram(program, args, { cwd: folder }).ended

describe('the program', () => {
  it('explains itself and each command', async () => {
    const help = await run('--help')
    expect(help.code).toBe(0)
    const commands = [
      'init',
      'start',
      'address',
      'status',
      'tokens',
      'outbox',
      'test-push',
      'migrate',
      'backup',
      'rekey',
      'ntf-cert',
    ]
    for (const name of commands) expect(help.stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'))
    for (const name of ['init', 'test-push']) {
      expect(await run(name, '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--data') })
    }
  })

  it.each([
    [/unknown option '--what'/, ['init', '--what']],
    [/there is no config .*init makes one/, ['status']],
    [/no such command; did you mean start\?/, ['strat']],
    [/expected a command/, []],
    [/missing required argument 'token'/, ['test-push', 'console']],
    [/a number from 1 to 999999/, ['tokens', '--limit', '0']],
  ])('ends with 1 when it says %s', async (message, args) => {
    const { code, stderr } = await run(...args)
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) })
  })

  it('reports from the databases where no server runs, and tells what is wrong with a config', async () => {
    expect((await run('init', '--server', server, '--data', 'data', '--provider', 'console')).code).toBe(0)
    const status = await run('status', '--data', 'data')
    expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/^not running.*\ntokens: 0\n/) })
    const outbox = await run('outbox', '--json', '--data', 'data')
    expect(JSON.parse(outbox.stdout)).toEqual({ owed: [], more: false, deadLetters: [] })
    const push = await run('test-push', 'console', 'abc', '--data', 'data')
    expect(push).toMatchObject({ code: 0, stdout: expect.stringMatching(/^push to device .*\naccepted\n$/) })
    const other = await run('test-push', 'fcm', 'abc', '--data', 'data')
    expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/enabled provider, which are: console/) })

    const config = path.join(folder, 'data/smpkit-ntf.toml')
    fs.appendFileSync(config, '[limit]\ntokens = 1\n')
    const line = fs.readFileSync(config, 'utf8').split('\n').length - 2
    const { code, stderr } = await run('status', '--data', 'data')
    expect(code).toBe(1)
    expect(stderr).toContain(`smpkit-ntf.toml:${line}: limit: there is no such key; did you mean limits?`)
    expect(stderr).toContain('the config has mistakes: 1')
  })
})
