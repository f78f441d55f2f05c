// Parties in a process of their own, which can be killed and started again: they go on with what they had to do.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Job } from './party.mjs'

const child = fileURLToPath(new URL('group-child.mjs', import.meta.url))

interface Told {
  readonly link?: string
  readonly key?: string
  readonly done?: string
  readonly received?: number
}

export interface GroupHooks {
  onLink(key: string, link: string): void
}

export class Group {
  readonly #jobs: Map<string, Job>
  readonly #hooks: GroupHooks
  readonly #done = new Set<string>()
  #child: ChildProcess | undefined
  /** Texts that its parties have received, as far as it has told. */
  received = 0
  /** What has gone wrong. */
  failure: string | undefined

  constructor(jobs: readonly Job[], hooks: GroupHooks) {
    this.#jobs = new Map(jobs.map((job) => [job.name, job]))
    this.#hooks = hooks
  }

  get names(): string[] {
    return [...this.#jobs.keys()]
  }

  get isDone(): boolean {
    return this.#done.size === this.#jobs.size
  }

  start(): void {
    const process = fork(child, { execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    this.#child = process
    let errors = ''
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    process.on('message', ({ link, key, done, received }: Told) => {
      if (link !== undefined && key !== undefined) this.#hooks.onLink(key, link)
      if (done !== undefined) this.#done.add(done)
      if (received !== undefined) this.received = received
    })
    process.on('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') this.failure ??= `a process has ended with ${code}: ${errors}`
    })
    for (const job of this.#jobs.values()) this.#tell('open', job)
  }

  #tell(tag: string, value?: unknown): void {
    // It may be dead: what it did not hear is in its jobs.
    if (this.#child?.connected) this.#child.send({ tag, value }, () => {})
  }

  join(name: string, key: string, link: string): void {
    const job = this.#jobs.get(name)
    if (!job || job.joins?.some((join) => join.key === key)) return
    this.#jobs.set(name, { ...job, joins: [...(job.joins ?? []), { key, link }] })
    this.#tell('join', { name, key, link })
  }

  restart(name: string): void {
    this.#tell('restart', name)
  }

  async kill(): Promise<void> {
    const process = this.#child
    if (process?.exitCode !== null || process.signalCode !== null) return
    const closed = once(process, 'close')
    process.kill('SIGKILL')
    await closed
  }

  /** Lets it finish. */
  async end(): Promise<void> {
    const process = this.#child
    if (process?.exitCode !== null || process.signalCode !== null) return
    const closed = once(process, 'close')
    this.#tell('end')
    await closed
  }
}
