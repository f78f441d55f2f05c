// One case: two parties, of whom one is killed in the middle of what they do, and opened again by the test's own process.
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Notebook } from './notebook.mjs'
import { type Action, type Job, Party, type Role, type StorageOf, type Summary } from './party.mjs'

export type FaultMode = 'before' | 'after' | 'answer' | 'lie'

export interface Fault {
  readonly mode: FaultMode
  /** Which one it hits, from 1. */
  readonly n: number
}

/** Who makes the link, and who follows it. */
export type Side = 0 | 1

export interface Flow {
  /** By side. */
  readonly roles: readonly [Role, Role]
  /** What each has done before the fault can happen; they are connected then. Default: nothing. */
  readonly before?: readonly [readonly Action[], readonly Action[]]
  /** What each does once they are connected. */
  readonly actions: readonly [readonly Action[], readonly Action[]]
  /** Texts that each sends. */
  readonly count: number
  /** Who subscribes to nothing after that. Default: nobody. */
  readonly asleep?: Side
  /** Default: `true`. */
  readonly receipts?: boolean
  /** How long both may have nothing to do before all is done, in milliseconds. Default: 5000. */
  readonly silence?: number
}

export interface Case {
  readonly flow: Flow
  /** Who is killed. */
  readonly victim: Side
  readonly fault: Fault
  readonly server: string
  /** Of the victim. */
  readonly storage: (folder: string) => Promise<StorageOf>
  readonly careless?: boolean
}

const child = fileURLToPath(new URL('party-child.mjs', import.meta.url))
const names = ['alice', 'bob'] as const

/** So long both agents may have nothing to do while something is missing, in milliseconds. */
const defaultSilence = 5000
/** What stops a case that does not come to its end, beside that. */
const patience = 45_000

/** @returns whether the fault has happened: with `false` the flow has fewer such points */
export async function runCase(one: Case): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-fault-'))
  const run = new CaseRun(one, folder)
  try {
    return await run.run()
  } finally {
    await run.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

class CaseRun {
  readonly #case: Case
  readonly #folder: string
  readonly #silence: number
  readonly #deadline: number
  readonly #parties = new Map<Side, Party>()
  #link: string | undefined
  #child: ChildProcess | undefined

  constructor(one: Case, folder: string) {
    this.#case = one
    this.#folder = folder
    this.#silence = one.flow.silence ?? defaultSilence
    this.#deadline = Date.now() + this.#silence + patience
  }

  async run(): Promise<boolean> {
    const { flow, victim } = this.#case
    const peer = victim === 0 ? 1 : 0
    const storages = [{ kind: 'memory' }, { kind: 'memory' }] as [StorageOf, StorageOf]
    storages[victim] = await this.#case.storage(this.#folder)
    if (flow.before) {
      for (const side of [0, 1] as const) {
        const job = this.#job(side, storages[side])
        await this.#open({ ...job, actions: flow.before[side], subscribe: true }, side)
      }
      await this.#until('the parties are connected', () => this.#areDone())
      await this.#until('nothing is under way', () => this.#areQuiet())
      await this.#close(victim)
      this.#parties.get(peer)?.act(flow.actions[peer])
    }
    // The victim may be the one to make the link, and be killed before it has told it.
    const opening = flow.before ? undefined : this.#open(this.#job(peer, storages[peer]), peer)
    const [isKilled] = await Promise.all([this.#runVictim(this.#job(victim, storages[victim])), opening])
    await this.#untilDone()
    await this.#until('nothing is under way', () => this.#areQuiet())
    for (const side of [...this.#parties.keys()]) await this.#close(side)
    this.#check()
    return isKilled
  }

  #job(side: Side, storage: StorageOf): Job {
    const { flow, server } = this.#case
    const { count, receipts = true } = flow
    return {
      name: names[side],
      role: flow.roles[side],
      actions: flow.actions[side],
      count,
      receipts,
      subscribe: flow.asleep !== side,
      storage,
      bookFile: this.#bookFile(side),
      servers: [server],
    }
  }

  #bookFile(side: Side): string {
    return path.join(this.#folder, `${names[side]}-book.db`)
  }

  /** Who joins needs the link first. */
  async #withLink(job: Job, side: Side): Promise<Job> {
    if (side === 0) return job
    await this.#until('there is a link', () => this.#link !== undefined)
    return this.#link === undefined ? job : { ...job, link: this.#link }
  }

  #noteLink(link: string): void {
    this.#link ??= link
  }

  async #open(job: Job, side: Side): Promise<void> {
    const party = await Party.open(await this.#withLink(job, side), { onLink: (link) => this.#noteLink(link) })
    this.#parties.set(side, party)
  }

  async #close(side: Side): Promise<void> {
    const party = this.#parties.get(side)
    this.#parties.delete(side)
    await party?.close()
  }

  /** In a process of its own; if that was killed, then in this one. Whether it was. */
  async #runVictim(plain: Job): Promise<boolean> {
    const { victim, fault, careless = false } = this.#case
    const job = await this.#withLink(plain, victim)
    const isKilled = await this.#runChild({ job: { ...job, careless }, fault })
    if (isKilled) await this.#open(job, victim)
    return isKilled
  }

  async #runChild(told: { readonly job: Job; readonly fault: Fault }): Promise<boolean> {
    const process = fork(child, { execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    this.#child = process
    let errors = ''
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    let isDone = false
    process.on('message', ({ link, done }: { link?: string; done?: boolean }) => {
      if (link !== undefined) this.#noteLink(link)
      isDone ||= done === true
    })
    let end: { readonly code: number | null; readonly signal: string | null } | undefined
    process.on('close', (code, signal) => {
      end = { code, signal }
    })
    // What it is told may not reach it: it is killed at any time.
    const tell = (message: object) => process.send(message, () => {})
    tell(told)
    await this.#until('the process is done or dead', () => end !== undefined || (isDone && this.#areDone()))
    if (!end) tell({ end: true })
    await this.#until('the process has ended', () => end !== undefined)
    if (end?.signal !== 'SIGKILL' && end?.code !== 0) throw new Error(`the process has failed: ${errors}`)
    return end.signal === 'SIGKILL'
  }

  #areDone(): boolean {
    return this.#parties.size > 0 && [...this.#parties.values()].every((party) => party.isDone())
  }

  async #areQuiet(): Promise<boolean> {
    for (const party of this.#parties.values()) if (!(await party.isQuiet())) return false
    return true
  }

  async #until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await test())) {
      if (Date.now() > this.#deadline) throw new Error(`waited in vain until ${what}: ${this.#state()}`)
      for (const party of this.#parties.values()) expect(party.book.summary().problems).toEqual([])
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Nothing may be missing that nobody is about to do. */
  async #untilDone(): Promise<void> {
    let busy = Date.now()
    let looked = 0
    await this.#until('all is done', async () => {
      if (this.#areDone()) return true
      if (Date.now() - looked < 200) return false
      looked = Date.now()
      if (!(await this.#areQuiet())) busy = Date.now()
      if (Date.now() - busy > this.#silence) throw new Error(`something was lost: ${this.#state()}`)
      return false
    })
  }

  #state(): string {
    const states = [...this.#parties].map(
      ([side, party]) =>
        `${names[side]} is ${party.isDone() ? '' : 'not '}done with ${JSON.stringify(party.book.summary())}`,
    )
    return states.join('; ')
  }

  #check(): void {
    const [first, second] = [this.#summary(0), this.#summary(1)]
    for (const { problems } of [first, second]) expect(problems).toEqual([])
    checkTexts(first, second)
    checkTexts(second, first)
  }

  #summary(side: Side): Summary {
    const book = new Notebook(this.#bookFile(side))
    try {
      return book.summary()
    } finally {
      book.close()
    }
  }

  async end(): Promise<void> {
    this.#child?.kill('SIGKILL')
    for (const side of [...this.#parties.keys()]) await this.#close(side)
  }
}

/** All that was sent is there, in order; only what the sender's application could not know to be sent may be there twice. */
export function checkTexts({ texts }: Pick<Summary, 'texts'>, { again }: Pick<Summary, 'again'>): void {
  for (const list of texts) {
    let last = 0
    const senders = new Set<string>()
    for (const text of list) {
      const [, sender = '', number] = text.split(' ')
      senders.add(sender)
      const n = Number(number)
      if (n !== last || !again.includes(`${sender} ${n}`))
        expect(n, `after ${last} in ${list.join(', ')}`).toBe(last + 1)
      last = n
    }
    expect(senders.size).toBeLessThanOrEqual(1)
  }
}
