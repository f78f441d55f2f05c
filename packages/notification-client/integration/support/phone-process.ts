// The application of a phone in a process of its own: it is told what to reach, gets pushes, and is killed.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Ntf } from './ntf.js'
import { pause } from './phone.js'

const child = fileURLToPath(new URL('phone-child.mjs', import.meta.url))

/** What the notification server is to know: a device and its mode with so many connections; without a token nothing. */
export interface Goal {
  readonly token: string | null
  readonly mode: 'instant' | 'periodic'
  readonly subscribed: number
}

/** Plain values: a process of its own can be told them. */
export interface PhoneJob {
  readonly folder: string
  readonly smp: string
  readonly goal: Goal
  /** At which of its writes it kills itself; 0: at none. */
  readonly dieAt?: number
  readonly when?: 'before' | 'after'
}

export class PhoneProcess {
  readonly #process: ChildProcess
  readonly #ntf: Ntf
  readonly ended: Promise<unknown>
  #errors = ''
  #isRunning = false

  constructor(ntf: Ntf, job: PhoneJob) {
    this.#ntf = ntf
    const { address, provider } = ntf
    this.#process = fork(child, [JSON.stringify({ dieAt: 0, when: 'before', ...job, ntf: address, provider })], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    this.#process.on('message', ({ tag }: { tag: string }) => {
      if (tag === 'running') this.#isRunning = true
    })
    this.ended = once(this.#process, 'close')
    void this.#deliver(job.goal.token)
  }

  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  get wasKilled(): boolean {
    return this.#process.signalCode === 'SIGKILL'
  }

  /** How many writes it took; `undefined`: it was killed before. */
  async reached(goal?: Goal): Promise<number | undefined> {
    const told = new Promise<number>((resolve) => {
      this.#process.on('message', (message: { tag: string; writes: number }) => {
        if (message.tag === 'reached') resolve(message.writes)
      })
    })
    if (goal) {
      this.#process.send({ tag: 'goal', goal })
      void this.#deliver(goal.token)
    }
    const result = await Promise.race([told, this.ended.then(() => undefined)])
    if (result === undefined && !this.wasKilled) throw new Error(`the phone has ended by itself: ${this.#errors}`)
    return result
  }

  async kill(): Promise<void> {
    if (this.isAlive) this.#process.kill('SIGKILL')
    await this.ended
  }

  /** What comes while it does not run is lost. */
  async #deliver(token: string | null): Promise<void> {
    if (token === null) return
    let taken: number | undefined
    while (this.isAlive) {
      const pushes = this.#ntf.log.of(token)
      taken ??= pushes.length
      if (this.#isRunning && this.#process.connected) {
        for (; taken < pushes.length; taken++) {
          const data = JSON.parse(pushes[taken]?.body ?? '').notificationData
          this.#process.send({ tag: 'push', data }, () => {})
        }
      }
      await pause(10)
    }
  }
}
