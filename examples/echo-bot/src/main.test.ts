import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AgentEvent, type EventOf, type EventType, openAgent, type SmpAgent } from '@smpkit/smp-agent'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import {
  type ChatMessage,
  type Database,
  decodeBody,
  encodeContactInfo,
  encodeInfo,
  encodeMessage,
  encodeText,
  openDatabase,
} from 'example-chat'
import { type StartedProgram, startProgram } from 'example-chat/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { postgresMissing, testDatabase } from '../../../scripts/postgres.mjs'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

let server: SmpServer
let folder: string
const bots: StartedProgram[] = []
const guests: Guest[] = []

beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(() => server.stop())
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'echo-bot '))
})
afterEach(async () => {
  for (const guest of guests.splice(0)) await guest.close()
  for (const bot of bots.splice(0)) {
    bot.kill('SIGKILL')
    await bot.ended
  }
  rmSync(folder, { recursive: true })
})

function start(...args: string[]): StartedProgram {
  const bot = startProgram(program, args, { cwd: folder })
  bots.push(bot)
  return bot
}

/** A bot that is ready, and the first link that it prints. */
async function ready(...args: string[]): Promise<{ bot: StartedProgram; link: string }> {
  const bot = start('--server', server.addressText, ...args)
  await bot.until(/is ready/, 'stderr')
  const [link] = await bot.until(/^simplex:\S+/m)
  return { bot, link }
}

/** Somebody who writes to the bot. */
class Guest {
  readonly #agent: SmpAgent
  readonly #database: Database
  readonly #events: AsyncIterator<AgentEvent>
  connection = ''

  constructor(agent: SmpAgent, database: Database) {
    this.#agent = agent
    this.#database = database
    this.#events = agent.events()
  }

  static async connect(link: string, name = 'guest'): Promise<Guest> {
    const database = await openDatabase(undefined)
    const guest = new Guest(await openAgent({ store: database.store, servers: [server.addressText] }), database)
    guests.push(guest)
    guest.connection = await guest.#agent.join(link, { info: encodeContactInfo(name) })
    const { info } = await guest.event('confirmation')
    expect((await decodeBody(info)).messages).toMatchObject([{ event: 'x.info' }])
    await guest.#agent.allow(guest.connection, encodeInfo(name))
    await guest.event('connected')
    return guest
  }

  send(body: Uint8Array): Promise<number> {
    return this.#agent.send(this.connection, body)
  }

  /** The next event of this type, acknowledged as all before it. */
  async event<T extends EventType>(type: T): Promise<EventOf<T>> {
    for (;;) {
      const { value, done } = await this.#events.next()
      if (done) throw new Error(`expected ${type}, the agent has ended`)
      await value.ack()
      if (value.type === type) return value as EventOf<T>
    }
  }

  /** The texts of the next message. */
  async texts(): Promise<string[]> {
    const { body } = await this.event('message')
    return (await decodeBody(body)).messages.map((message: ChatMessage) =>
      message.event === 'x.msg.new' ? message.params.content.text : message.event,
    )
  }

  async close(): Promise<void> {
    await this.#agent.close()
    await this.#database.close()
  }
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const newMessage = (content: object) => ({ v: '1-8', msgId: 'YWJj', event: 'x.msg.new', params: { content } })

describe('the echo bot', () => {
  it('answers several peers at once, each with their own texts, and sends receipts', async () => {
    const { bot, link } = await ready('--name', 'parrot')
    const all = await Promise.all(['Ann', 'Ben', 'Cid'].map((name) => Guest.connect(link, name)))
    await Promise.all(
      all.map(async (guest, no) => {
        for (let i = 0; i < 3; i++) await guest.send(encodeText(`guest ${no} text ${i}: Grüße 🦜`))
        for (let i = 0; i < 3; i++) expect(await guest.texts()).toEqual([`guest ${no} text ${i}: Grüße 🦜`])
        const id = await guest.send(encodeText('received?'))
        for (;;) {
          const receipt = await guest.event('receipt')
          expect(receipt.status).toBe('received')
          if (receipt.id === id) break
        }
      }),
    )
    bot.kill('SIGTERM')
    const { code, stderr } = await bot.ended
    expect(code).toBe(0)
    for (const name of ['Ann', 'Ben', 'Cid']) expect(stderr).toContain(`${name} asks to connect: accepted`)
    expect(stderr).not.toMatch(/guest \d text/)
  })

  it('shows images and files as text, answers each of a batch, and nothing that it does not know', async () => {
    const { link } = await ready()
    const guest = await Guest.connect(link)
    await guest.send(json(newMessage({ type: 'image', text: 'a parrot', image: 'data:image/png;base64,AAAA' })))
    expect(await guest.texts()).toEqual(['a parrot'])
    await guest.send(json(newMessage({ type: 'voice', text: '', duration: 3 })))
    expect(await guest.texts()).toEqual(['[voice]'])
    await guest.send(json([newMessage({ type: 'text', text: 'one' }), newMessage({ type: 'text', text: 'two' })]))
    expect([await guest.texts(), await guest.texts()]).toEqual([['one'], ['two']])
    for (const body of [
      'binary',
      '{',
      '[]',
      '{"event":"x.unknown","params":{}}',
      '{"event":"x.msg.del","params":{"msgId":"YQ"}}',
    ]) {
      await guest.send(new TextEncoder().encode(body))
    }
    await guest.send(encodeText('still there?'))
    expect(await guest.texts()).toEqual(['still there?'])
  })

  it('knows peers by their new names, and forgets who leaves', async () => {
    const { bot, link } = await ready()
    const guest = await Guest.connect(link, 'Old')
    const profile = { displayName: 'New\x1b[31m', fullName: '' }
    await guest.send(encodeMessage({ event: 'x.info', msgId: null, params: { profile } }, 10_000))
    await guest.send(encodeMessage({ event: 'x.direct.del', msgId: null, params: {} }, 10_000))
    await bot.until(/^New has left$/m, 'stderr')
    const another = await Guest.connect(link)
    await another.send(encodeText('and me?'))
    expect(await another.texts()).toEqual(['and me?'])
  })

  it('goes on after it was killed: the same address, the same peers, and what came meanwhile', async () => {
    const first = await ready('--db', 'bot.db', '--full-link')
    const guest = await Guest.connect(first.link)
    await guest.send(encodeText('before'))
    expect(await guest.texts()).toEqual(['before'])
    first.bot.kill('SIGKILL')
    await first.bot.ended
    await guest.send(encodeText('meanwhile'))
    const second = await ready('--db', 'bot.db', '--full-link')
    expect(await guest.texts()).toEqual(['meanwhile'])
    expect(second.link).toBe(first.link)
    const [full] = await second.bot.until(/^simplex:\/contact#\S+/m)
    const another = await Guest.connect(full)
    await another.send(encodeText('by the full link'))
    expect(await another.texts()).toEqual(['by the full link'])
  })

  it('makes new keys with its peers after an older copy of its database was put back', async () => {
    const [file, copy] = [path.join(folder, 'bot.db'), path.join(folder, 'copy.db')]
    const first = await ready('--db', 'bot.db')
    const guest = await Guest.connect(first.link)
    first.bot.kill('SIGTERM')
    await first.bot.ended
    copyFileSync(file, copy)
    const second = await ready('--db', 'bot.db')
    await guest.send(encodeText('not in the copy'))
    expect(await guest.texts()).toEqual(['not in the copy'])
    second.bot.kill('SIGTERM')
    await second.bot.ended
    copyFileSync(copy, file)
    const third = await ready('--db', 'bot.db', '--restored')
    await third.bot.until(/^guest: the encryption has to be made anew/m, 'stderr')
    while ((await guest.event('synchronization')).state !== 'ok');
    await guest.send(encodeText('once more'))
    expect(await guest.texts()).toEqual(['once more'])
  })

  it.skipIf(postgresMissing())('goes on with a database in PostgreSQL', async () => {
    const database = await testDatabase()
    try {
      const first = await ready('--db', database.url, '--key-file', 'key')
      const guest = await Guest.connect(first.link)
      first.bot.kill('SIGINT')
      expect((await first.bot.ended).code).toBe(0)
      await guest.send(encodeText('meanwhile'))
      const second = await ready('--db', database.url, '--key-file', 'key')
      expect(second.link).toBe(first.link)
      expect(await guest.texts()).toEqual(['meanwhile'])
      second.bot.kill('SIGTERM')
      expect((await second.bot.ended).code).toBe(0)
    } finally {
      await database.drop()
    }
  })

  it('has a server of its own for trying out', async () => {
    const bot = start('--local')
    const [, address = ''] = await bot.until(/--server (smp:\S+)/, 'stderr')
    expect(address).toMatch(/^smp:\/\/.*@127\.0\.0\.1:\d+$/)
    const [link] = await bot.until(/^simplex:\S+/m)
    const guest = await Guest.connect(link)
    await guest.send(encodeText('hello'))
    expect(await guest.texts()).toEqual(['hello'])
    // A terminal sends it to us and to npm, which sends it on.
    bot.kill('SIGINT')
    bot.kill('SIGINT')
    expect((await bot.ended).code).toBe(0)
  })
})

describe('the echo bot says what is wrong, and ends with', () => {
  const nowhere = `smp://${'A'.repeat(43)}=@127.0.0.1:9`

  it.each([
    [1, /--server: expected at least one .* --local/, []],
    [1, /--server: expected smp:\/\//, ['--server', 'example.com']],
    [1, /--local or --server/, ['--local', '--server', nowhere]],
    [1, /'--local' cannot be used with option '--db/, ['--local', '--db', 'bot.db']],
    [1, /unknown option '--what'/, ['--what']],
    [1, /expected a name/, ['--name', '#bot', '--local']],
    [1, /--socks: expected HOST:PORT/, ['--socks', 'tor', '--local']],
    [3, /ECONNREFUSED/, ['--server', nowhere]],
    [4, /database .*none\/bot.db cannot be opened/, ['--server', nowhere, '--db', 'none/bot.db']],
  ])('%i: %s', async (exitCode, message, args) => {
    const { code, stderr, stdout } = await start(...args).ended
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' })
    expect(stderr).toMatch(message)
  })

  it('4 if another process has its database', async () => {
    await ready('--db', 'bot.db')
    const { code, stderr } = await start('--server', server.addressText, '--db', 'bot.db').ended
    expect(code).toBe(4)
    expect(stderr).toMatch(/^echo-bot: the database bot.db cannot be opened: another process uses it/m)
  })

  it('0 after --help', async () => {
    const { code, stdout } = await start('--help').ended
    expect(code).toBe(0)
    for (const option of ['--server', '--db', '--name', '--local', 'Exit codes']) expect(stdout).toContain(option)
  })
})
