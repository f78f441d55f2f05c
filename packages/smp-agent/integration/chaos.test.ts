// Spec 13 §13.13: many agents talk while they, their processes, their connections and their servers are ended at random: all messages arrive.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { checkTexts } from './support/case.js'
import { isFull, overDatabases, type StorageMaker } from './support/databases.js'
import { Group } from './support/group.js'
import { Notebook } from './support/notebook.mjs'
import type { Job } from './support/party.mjs'
import { randomFrom } from './support/random.js'
import { useServer } from './target.js'

const agents = 50
const groupCount = 4
const connections = 100
/** Texts that each end of a connection sends: 10,000 in all, or a tenth. */
const count = isFull ? 50 : 5
const total = connections * 2 * count
/** CHAOS_SEED repeats what is done, though not when; it is printed with the progress. */
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000))
const timeout = isFull ? 1_800_000 : 300_000

const servers = [useServer(), useServer()]
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Pairs of different agents; each agent is in one at least. */
function pairs(random: () => number): [number, number][] {
  return Array.from({ length: connections }, (_, i) => {
    const first = i % agents
    const second = (first + 1 + Math.floor(random() * (agents - 1))) % agents
    return [first, second]
  })
}

async function makeJobs(links: readonly [number, number][], folder: string, storage: StorageMaker): Promise<Job[]> {
  return await Promise.all(
    Array.from({ length: agents }, async (_, i) => {
      const own = path.join(folder, String(i))
      mkdirSync(own)
      return {
        name: `agent${i}`,
        role: 'chatter' as const,
        storage: await storage(own),
        bookFile: path.join(own, 'book.db'),
        servers: servers.map(({ address }) => address),
        actions: ['talk'] as const,
        count,
        connections: links.filter((pair) => pair.includes(i)).length,
        invites: links.flatMap(([first], link) => (first === i ? [`link${link}`] : [])),
      }
    }),
  )
}

const disturbances = ['restart', 'restart', 'restart', 'drop', 'kill', 'stop'] as const

async function disturb(what: (typeof disturbances)[number], groups: readonly Group[], random: () => number) {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  if (what === 'restart') {
    const group = pick(groups)
    group.restart(pick(group.names))
  } else if (what === 'drop') await pick(servers).dropConnections()
  else if (what === 'kill') {
    const group = pick(groups)
    await group.kill()
    await pause(random() * 500)
    group.start()
  } else {
    const server = pick(servers)
    await server.stop()
    await pause(random() * 1000)
    await server.start()
  }
}

function tellProgress(groups: readonly Group[], done: ReadonlyMap<string, number>): void {
  const received = groups.reduce((sum, group) => sum + group.received, 0)
  const counts = [...done].map(([what, times]) => `${times} ${what}`).join(', ')
  process.stderr.write(`[chaos ${seed}] ${received} of ${total} messages; ${counts}\n`)
}

async function chaos(groups: readonly Group[], random: () => number): Promise<ReadonlyMap<string, number>> {
  const done = new Map<string, number>()
  let told = Date.now()
  for (let i = 0; !groups.every(({ isDone }) => isDone); i++) {
    const what = disturbances[i % disturbances.length] ?? 'restart'
    await disturb(what, groups, random)
    done.set(what, (done.get(what) ?? 0) + 1)
    await pause(500 + random() * 1000)
    for (const { failure } of groups) expect(failure).toBeUndefined()
    if (Date.now() - told > 5000) {
      told = Date.now()
      tellProgress(groups, done)
    }
  }
  tellProgress(groups, done)
  return done
}

function check(jobs: readonly Job[]): void {
  const books = jobs.map(({ bookFile }) => new Notebook(bookFile))
  const summaries = books.map((book) => book.summary())
  for (const book of books) book.close()
  const again = summaries.flatMap((summary) => summary.again)
  for (const summary of summaries) {
    expect(summary.problems).toEqual([])
    checkTexts(summary, { again })
  }
  const texts = summaries.flatMap((summary) => summary.texts.flat())
  expect(new Set(texts).size).toBe(total)
}

overDatabases((kind, storage) => {
  it(
    `${agents} agents exchange ${total} messages, whatever ends and comes back`,
    async (context) => {
      if (kind === 'postgres' && !isFull) context.skip('only npm run test:long runs it')
      const random = randomFrom(seed)
      const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-chaos-'))
      folders.push(folder)
      const links = pairs(random)
      const jobs = await makeJobs(links, folder, storage)
      const groups = Array.from({ length: groupCount }, (_, g) => {
        const own = jobs.filter((_, i) => i % groupCount === g)
        return new Group(own, {
          onLink(key, link) {
            const joiner = links[Number(key.slice('link'.length))]?.[1] ?? 0
            groups[joiner % groupCount]?.join(`agent${joiner}`, key, link)
          },
        })
      })
      try {
        for (const group of groups) group.start()
        await chaos(groups, random)
        for (const group of groups) await group.end()
        for (const { failure } of groups) expect(failure).toBeUndefined()
        check(jobs)
      } finally {
        for (const group of groups) await group.kill()
      }
    },
    timeout,
  )
})
