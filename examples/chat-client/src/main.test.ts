import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { type StartedProgram, startProgram } from 'example-chat/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { postgresMissing, testDatabase } from '../../../scripts/postgres.mjs'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

let server: SmpServer
let folder: string
const started: StartedProgram[] = []

beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(() => server.stop())
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-client '))
})
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.kill('SIGKILL')
    await one.ended
  }
  rmSync(folder, { recursive: true })
})

function start(...args: string[]): StartedProgram {
  const one = startProgram(program, args, { cwd: folder })
  started.push(one)
  return one
}

/** Somebody with a database of the same name. */
function user(name: string, ...args: string[]): StartedProgram {
  return start('--server', server.addressText, '--name', name, '--db', `${name}.db`, ...args)
}

/** Types a line, and gives the link that is printed then. */
async function linkFrom(one: StartedProgram, line: string): Promise<string> {
  one.type(line)
  const [link] = await one.until(/^(?:simplex:|https:)\S+/m)
  return link
}

async function end(one: StartedProgram): Promise<string> {
  one.type('/quit')
  const { code, stdout, stderr } = await one.ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

async function connected(): Promise<{ alice: StartedProgram; bob: StartedProgram }> {
  const [alice, bob] = [user('Alice'), user('Bob')]
  bob.type(`/join ${await linkFrom(alice, '/invite')}`)
  await alice.until(/^— Bob is connected$/m)
  await bob.until(/^— Alice is connected$/m)
  return { alice, bob }
}

/** `text` has no letters that mean something in a pattern. */
const write = async (from: StartedProgram, to: StartedProgram, sender: string, text: string) => {
  from.type(text)
  await to.until(new RegExp(`^\\d\\d:\\d\\d ${sender}: ${text}$`, 'm'))
}

describe('two chat clients', () => {
  it('connect by an invitation, chat, and see what has become of their messages', async () => {
    const { alice, bob } = await connected()
    await write(alice, bob, 'Alice', 'Hello Bob')
    await alice.until(/^ {2}✓✓ Hello Bob$/m)
    await write(bob, alice, 'Bob', 'Grüße 👋')
    bob.type('@alice directly')
    await alice.until(/^\d\d:\d\d Bob: directly$/m)
  })

  it('go on after one was killed: contacts and history are there, and nothing is shown twice', async () => {
    const { alice, bob } = await connected()
    await write(alice, bob, 'Alice', 'one')
    await write(bob, alice, 'Bob', 'two')
    await bob.until(/✓✓ two/)
    bob.kill('SIGKILL')
    await bob.ended
    alice.type('three')
    await alice.until(/✓ three/)
    const again = user('Bob')
    await again.until(/^You are Bob/m)
    await again.until(/^Contacts: Alice$/m)
    await again.until(/^\d\d:\d\d Alice: three$/m)
    again.type('/history')
    await again.until(/^\d\d:\d\d Alice: one\n\d\d:\d\d you: two ✓✓\n\d\d:\d\d Alice: three$/m)
    await write(again, alice, 'Bob', 'four')
    const shown = await end(again)
    expect(shown.match(/Alice: three/g)).toHaveLength(2)
  })

  it('connect by an address: requests wait for an answer, also over a restart', async () => {
    const alice = user('Alice')
    const link = await linkFrom(alice, '/address full')
    const [bob, eve] = [user('Bob'), user('Eve')]
    bob.type(`/join ${link}`)
    await alice.until(/^— Bob asks to connect: \/accept 1 or \/reject 1$/m)
    eve.type(`/join ${link}`)
    await alice.until(/^— Eve asks to connect: \/accept 2 or \/reject 2$/m)
    alice.type('/accept')
    await alice.until(/^! whom\?/m)
    await end(alice)
    const again = user('Alice')
    await again.until(/Bob asks to connect: \/accept 1/)
    await again.until(/Eve asks to connect: \/accept 2/)
    again.type('/reject 2')
    await again.until(/^— Eve is not let in$/m)
    again.type('/accept')
    await bob.until(/^— Alice is connected$/m)
    await again.until(/^— Bob is connected$/m)
    await write(bob, again, 'Bob', 'thank you')
    expect(await linkFrom(again, '/address full')).toBe(link)
    eve.type('hello?')
    await eve.until(/^! to whom\?/m)
    eve.type('@address hello?')
    await eve.until(/^! address is not connected: has not accepted yet$/m)
  })

  it('rename themselves, move to other queues, and delete each other', async () => {
    const { alice, bob } = await connected()
    alice.type('/name Queen Alice')
    await bob.until(/^— Alice is called Queen_Alice now$/m)
    bob.type('/switch queen')
    await alice.until(/^— where Bob receives from you has moved$/m)
    await write(alice, bob, 'Queen_Alice', 'still there')
    bob.type('/delete Queen_Alice')
    await bob.until(/^— Queen_Alice is deleted$/m)
    await alice.until(/^— Bob has deleted the contact with you/m)
    alice.type('hello?')
    await alice.until(/^! Bob is not connected: has deleted the contact$/m)
    alice.type('/delete Bob')
    await alice.until(/^— Bob is deleted$/m)
    bob.type('/contacts')
    await bob.until(/nobody yet/)
  })

  it('say what they do not understand, and go on', async () => {
    const alice = user('Alice')
    const cases: [string, RegExp][] = [
      ['/what', /^! unknown command \/what: \/help lists them$/m],
      ['/constructor', /^! unknown command/m],
      ['/join', /^! \/join needs the link/m],
      ['/join https://example.com', /^! expected a link/m],
      ['/chat Bob', /^! no contact of the name Bob/m],
      ['/accept', /^! nobody asks to connect$/m],
      ['/name #1', /^! expected a name/m],
      ['/sync', /^! with whom\?/m],
      ['/delete', /^! \/delete needs the name/m],
      ['@Bob hi', /^! no contact of the name Bob/m],
      ['/help', /\/invite \[full\](.|\n)*\/quit/],
    ]
    for (const [line, answer] of cases) {
      alice.type(line)
      await alice.until(answer)
    }
    await end(alice)
  })

  it('refuse a text that is too long, and send one that begins with /', async () => {
    const { alice, bob } = await connected()
    alice.type('x'.repeat(20_000))
    await alice.until(/^! that is too long for one message$/m)
    alice.type('//etc/hosts')
    await bob.until(/^\d\d:\d\d Alice: \/etc\/hosts$/m)
  })

  it.skipIf(postgresMissing())('keep all in PostgreSQL', async () => {
    const database = await testDatabase()
    try {
      const args = ['--server', server.addressText, '--db', database.url, '--key-file', 'key']
      const [alice, bob] = [start('--name', 'Alice', ...args), user('Bob')]
      bob.type(`/join ${await linkFrom(alice, '/invite')}`)
      await alice.until(/Bob is connected/)
      await bob.until(/Alice is connected/)
      await write(bob, alice, 'Bob', 'one')
      alice.kill('SIGINT')
      expect((await alice.ended).code).toBe(0)
      const again = start(...args)
      await again.until(/^You are Alice/m)
      again.type('/history')
      await again.until(/^\d\d:\d\d Bob: one$/m)
      await write(again, bob, 'Alice', 'two')
      await end(again)
    } finally {
      await database.drop()
    }
  })
})

describe('the chat client ends', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('with 0 after %s, and at the end of the input', async (signal) => {
    const [alice, bob] = [user('Alice'), user('Bob')]
    await alice.until(/^You are Alice/m)
    await bob.until(/^You are Bob/m)
    alice.kill(signal)
    bob.endInput()
    for (const one of [alice, bob]) expect((await one.ended).code).toBe(0)
  })

  it('with 1 after wrong options', async () => {
    const cases: [RegExp, ...string[]][] = [
      [/--server: expected at least one .* --local/],
      [/--name: expected the name that others see/, '--local'],
      [/unknown option '--what'/, '--what'],
    ]
    const results = await Promise.all(
      cases.map(async ([message, ...args]) => ({ message, ...(await start(...args).ended) })),
    )
    for (const { message, code, stderr } of results) {
      expect(code).toBe(1)
      expect(stderr).toMatch(message)
    }
  })

  it('with 4 if another one has its database', async () => {
    await user('Alice').until(/^You are Alice/m)
    const { code, stderr } = await user('Alice').ended
    expect(code).toBe(4)
    expect(stderr).toMatch(/another process uses it/)
  })

  it('with 0 after --help, and starts a server for trying out', async () => {
    const help = await start('--help').ended
    expect(help.code).toBe(0)
    expect(help.stdout).toContain('--server')
    const alice = start('--local', '--name', 'Alice')
    await alice.until(/--server smp:\/\//)
    await alice.until(/^You are Alice/m)
    await end(alice)
  })
})
