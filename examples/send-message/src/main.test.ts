import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AgentEvent, openAgent, type SmpAgent } from '@smpkit/smp-agent'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { type Database, decodeBody, encodeInfo, openDatabase } from 'example-chat'
import { type Ended, type StartedProgram, startProgram } from 'example-chat/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

let server: SmpServer
let folder: string
let peer: Peer
const started: StartedProgram[] = []

beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'send-message '))
  peer = await Peer.open()
})
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.kill('SIGKILL')
    await one.ended
  }
  await peer.close()
  rmSync(folder, { recursive: true })
})

function start(...args: string[]): StartedProgram {
  const one = startProgram(program, args, { cwd: folder })
  started.push(one)
  return one
}

const run = (...args: string[]): Promise<Ended> => start(...args).ended

/** The one object that `--json` prints. */
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run('--json', ...args)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  for (const line of stderr.trimEnd().split('\n')) if (line) JSON.parse(line)
  const { seconds, ...result } = JSON.parse(stdout)
  expect(result.exitCode).toBe(code)
  expect(seconds).toBeGreaterThanOrEqual(0)
  return result
}

/** Who gets the texts. */
class Peer {
  readonly agent: SmpAgent
  readonly #database: Database
  readonly #waiting: AgentEvent[] = []
  readonly texts: string[] = []
  /** Who has connected: how they were called at first. */
  readonly names: string[] = []
  accepts = true
  receipts = true
  /** The connection that was accepted last. */
  last = ''

  private constructor(agent: SmpAgent, database: Database) {
    this.agent = agent
    this.#database = database
    void this.#serve()
  }

  static async open(): Promise<Peer> {
    const database = await openDatabase(undefined)
    return new Peer(await openAgent({ store: database.store, servers: [server.addressText] }), database)
  }

  async #serve(): Promise<void> {
    for await (const event of this.agent.events()) await this.#handle(event)
  }

  /** Those who have waited. */
  async accept(): Promise<void> {
    this.accepts = true
    for (const request of this.#waiting.splice(0)) await this.#handle(request)
  }

  async #handle(event: AgentEvent): Promise<void> {
    if (event.type === 'request' && !this.accepts) {
      this.#waiting.push(event)
      return
    }
    if (event.type === 'request') {
      await this.#named(event.info)
      this.last = await this.agent.accept(event.requestId, { info: encodeInfo('peer') })
    } else if (event.type === 'confirmation') {
      await this.#named(event.info)
      await this.agent.allow(event.connection, encodeInfo('peer'))
    } else if (event.type === 'message') {
      for (const message of (await decodeBody(event.body)).messages) {
        if (message.event === 'x.msg.new') this.texts.push(message.params.content.text)
      }
    }
    await event.ack({ receipt: event.type === 'message' && this.receipts })
  }

  async #named(info: Uint8Array): Promise<void> {
    const [message] = (await decodeBody(info)).messages
    if (message?.event === 'x.info' || message?.event === 'x.contact') {
      this.names.push(message.params.profile.displayName)
    }
  }

  async close(): Promise<void> {
    await this.agent.close()
    await this.#database.close()
  }
}

const delivered = { result: 'delivered', exitCode: 0, state: 'sent', reused: false }
const received = { result: 'received', exitCode: 0, state: 'received', reused: false }

describe('send-message delivers', () => {
  it('to a contact address and to an invitation, by full and by short links, and says nothing on stdout', async () => {
    const address = await peer.agent.createAddress({ short: true })
    const [full, short] = [await peer.agent.createInvitation(), await peer.agent.createInvitation({ short: true })]
    const links = [address.link, String(address.shortLink), full.link, String(short.shortLink)]
    for (const [no, link] of links.entries()) {
      const { code, stdout, stderr } = await run(link, `text ${no}`, '--receipt', '--name', `sender ${no}`)
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
      expect(stderr).toMatch(/waiting to be accepted(.|\n)*connected(.|\n)*the server has it(.|\n)*the peer has it/)
    }
    expect(peer.texts).toEqual(['text 0', 'text 1', 'text 2', 'text 3'])
    expect(peer.names).toEqual(['sender 0', 'sender 1', 'sender 2', 'sender 3'])
  })

  it('over the same connection the next time, with a database, also of standard input', async () => {
    const { link } = await peer.agent.createAddress()
    const other = await peer.agent.createAddress()
    const db = ['--db', 'monitor.db', '--receipt']
    expect(await json(link, 'one', ...db)).toEqual(received)
    expect(await json(` ${link}\n`, 'two', ...db)).toEqual({ ...received, reused: true })
    expect(await json(other.link, 'three', ...db)).toEqual(received)
    const third = start('--json', ...db, link, '-')
    third.type('Grüße\nfour')
    third.endInput()
    expect((await third.ended).code).toBe(0)
    expect(peer.texts).toEqual(['one', 'two', 'three', 'Grüße\nfour'])
    expect(peer.names).toHaveLength(2)
  })

  it('once it is accepted, which an earlier run did not live to see: nobody is asked twice', async () => {
    const { link } = await peer.agent.createAddress()
    peer.accepts = false
    const db = ['--db', 'monitor.db']
    expect(await json(link, 'one', ...db, '--timeout', '2')).toMatchObject({ exitCode: 2, state: 'requested' })
    const killed = start(link, 'two', ...db)
    await killed.until(/waiting/, 'stderr')
    killed.kill('SIGKILL')
    await killed.ended
    await peer.accept()
    expect(await json(link, 'three', ...db, '--receipt')).toEqual({ ...received, reused: true })
    expect(peer.texts).toEqual(['three'])
    expect(peer.names).toHaveLength(1)
  })
})

describe('send-message ends with', () => {
  it('2 if nobody accepts in time', async () => {
    peer.accepts = false
    const { link } = await peer.agent.createAddress()
    const late = {
      result: 'failed',
      exitCode: 2,
      state: 'requested',
      reused: false,
      problem: 'nobody has accepted in time',
    }
    expect(await json(link, 'hello', '--timeout', '2')).toEqual(late)
  })

  it('3 if the server cannot be reached', async () => {
    const other = await startSmpServer()
    const agent = await openAgent({ store: (await openDatabase(undefined)).store, servers: [other.addressText] })
    const { link, shortLink } = await agent.createAddress({ short: true })
    await agent.close()
    await other.stop()
    for (const one of [link, String(shortLink)]) {
      const { code, stderr } = await run(one, 'hello', '--timeout', '2')
      expect(code).toBe(3)
      expect(stderr).toMatch(/ECONNREFUSED/)
    }
  })

  it('5 if the link leads nowhere any more', async () => {
    const { link, shortLink } = await peer.agent.createInvitation({ short: true })
    expect(await json(String(shortLink), 'first')).toEqual(delivered)
    expect(await json(String(shortLink), 'second')).toMatchObject({ result: 'failed', exitCode: 5 })
    expect(await json(link, 'second')).toMatchObject({ result: 'failed', exitCode: 5 })
  })

  it('5 if the peer has deleted the connection, and connects anew the next time', async () => {
    const { link } = await peer.agent.createAddress()
    expect(await json(link, 'one', '--db', 'monitor.db', '--receipt')).toEqual(received)
    await peer.agent.deleteConnection(peer.last)
    const gone = { result: 'failed', exitCode: 5, reused: true }
    expect(await json(link, 'two', '--db', 'monitor.db', '--receipt')).toMatchObject(gone)
    expect(await json(link, 'three', '--db', 'monitor.db', '--receipt')).toEqual(received)
  })

  it('6 if the receipt does not come in time', async () => {
    peer.receipts = false
    const { link } = await peer.agent.createAddress()
    const problem = 'the receipt did not come in time'
    expect(await json(link, 'hello', '--receipt', '--timeout', '6')).toMatchObject({
      exitCode: 6,
      state: 'sent',
      problem,
    })
    expect(peer.texts).toEqual(['hello'])
  })

  it('4 if another process has the database', async () => {
    peer.accepts = false
    const { link } = await peer.agent.createAddress()
    const first = start(link, 'one', '--db', 'monitor.db')
    await first.until(/waiting/, 'stderr')
    const second = await json(link, 'two', '--db', 'monitor.db')
    expect(second).toMatchObject({ exitCode: 4, problem: expect.stringContaining('another process uses it') })
  })

  it('130 after Ctrl-C', async () => {
    peer.accepts = false
    const { link } = await peer.agent.createAddress()
    const one = start(link, 'hello')
    await one.until(/waiting/, 'stderr')
    one.kill('SIGINT')
    expect((await one.ended).code).toBe(130)
  })

  it('1 for a wrong link, a wrong text or wrong options', async () => {
    const { link } = await peer.agent.createAddress()
    const cases: [RegExp, ...string[]][] = [
      [/missing required argument 'link'/],
      [/missing required argument 'text'/, link],
      [/expected a link/, 'https://example.com', 'hello'],
      [/expected a full link that is whole/, link.slice(0, 100), 'hello'],
      [/expected a text, got none/, link, ''],
      [/expected at most 13573 bytes of JSON, got 2\d{4}/, link, 'x'.repeat(20_000)],
      [/--timeout: expected seconds/, link, 'hello', '--timeout', 'soon'],
      [/too many arguments/, link, 'hello', 'world'],
    ]
    const results = await Promise.all(cases.map(async ([message, ...args]) => ({ message, ...(await run(...args)) })))
    for (const { message, code, stderr, stdout } of results) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(message)
    }
    expect(peer.names).toEqual([])
  })

  it('0 after --help, which tells all of these', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    for (const exitCode of [0, 1, 2, 3, 4, 5, 6, 70, 130])
      expect(stdout).toMatch(new RegExp(`^  ${exitCode} +\\w`, 'm'))
  })
})
