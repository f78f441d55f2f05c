// A notification server in a process of its own: it is started, asked, and killed.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Limits, NotificationServerStatus } from '@smpkit/notification-server'
import type { ApnsFake } from '@smpkit/push-providers/testing'
import type { CredentialsPem } from '@smpkit/smp-transport'
import type { StorageOf } from './storages.mjs'

const programOf = (job: ServerJob | NtfServerJob) =>
  fileURLToPath(new URL('apns' in job ? 'ntf-child.mjs' : 'server-child.mjs', import.meta.url))

/** Plain values: a process of its own can be told them. */
export interface ServerJob {
  readonly storage: StorageOf
  /** Where the contact address is. */
  readonly smp: readonly string[]
  /** Of the receiver of webhooks. */
  readonly ca: string
  readonly limits?: Partial<Limits>
  /** For one with a stand-by. */
  readonly endWhenLost?: boolean
  /** What is wrong with it: it answers before it writes, takes each push for accepted at once, or does not know that it was killed. */
  readonly wrong?: 'writesLate' | 'forgetsPushes' | 'forgetsCrashes'
}

/** One with the door of the NTF protocol. */
export interface NtfServerJob {
  readonly storage: StorageOf
  readonly identity: CredentialsPem
  /** 0: any that is free. */
  readonly port: number
  /** How `apns_test` reaches its far end. */
  readonly apns: ApnsFake['options']
  readonly limits?: Partial<Limits>
}

/** Rows that a write is about. */
export type FaultyRows = 'tokens' | 'subscriptions' | 'notifications'

type Told =
  | { readonly tag: 'ready'; readonly link: string }
  | { readonly tag: 'status'; readonly status: NotificationServerStatus }
  | { readonly tag: 'fault' }
  | { readonly tag: 'closed'; readonly why?: string }

export class ServerProcess {
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>
  #errors = ''
  /** With the link of the contact address, or the `ntf://` address. Rejects if the process ends before. */
  readonly ready: Promise<string>

  constructor(job: ServerJob | NtfServerJob) {
    this.#process = fork(programOf(job), [JSON.stringify(job)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    this.#ended = once(this.#process, 'close')
    this.ready = this.#told('ready').then(({ link }) => link)
    // Who kills it does not wait for it.
    this.ready.catch(() => {})
  }

  #told<T extends Told['tag']>(tag: T): Promise<Extract<Told, { readonly tag: T }>> {
    return new Promise((resolve, reject) => {
      const listen = (told: Told) => {
        if (told.tag !== tag) return
        this.#process.off('message', listen)
        resolve(told as Extract<Told, { readonly tag: T }>)
      }
      this.#process.on('message', listen)
      void this.#ended.then(() => reject(new Error(`the notification server has ended: ${this.#errors}`)))
    })
  }

  /** What it wrote to its standard error. */
  get errors(): string {
    return this.#errors
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  async status(): Promise<NotificationServerStatus> {
    const answer = this.#told('status')
    this.#process.send({ tag: 'status' })
    return (await answer).status
  }

  /** It kills itself before or after it has stored the next rows of that kind. Settles when it knows. */
  async killAt(when: 'before' | 'after', rows: FaultyRows = 'notifications'): Promise<void> {
    const known = this.#told('fault')
    this.#process.send({ tag: 'fault', when, rows })
    await known
  }

  async ended(): Promise<void> {
    await this.#ended
  }

  /** At once. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#process.kill('SIGKILL')
    await this.#ended
  }

  /** Why it ends by itself. */
  async closed(): Promise<string | undefined> {
    return (await this.#told('closed')).why
  }

  async close(): Promise<void> {
    const closed = this.#told('closed')
    this.#process.send({ tag: 'close' })
    await closed
    await this.#ended
  }
}
