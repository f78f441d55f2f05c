// The tests of one flow: every point of it where either party can be killed; without FULL_VOLUME some of them, others each time.
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Case, type Fault, type Flow, runCase, type Side } from './case.js'
import { isFull, overDatabases } from './databases.js'

/** FAULT_SEED repeats a run. */
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1000))
const timeout = isFull ? 1_800_000 : 180_000

/** Which points are tried: every how manyth, how many of each victim at most, and how many at the same time. */
interface Sampling {
  readonly stride: number
  readonly most: number
  readonly atOnce: number
}

const all: Sampling = { stride: 1, most: Number.POSITIVE_INFINITY, atOnce: 3 }
const samplings = isFull
  ? { sqlite: all, postgres: all }
  : { sqlite: { ...all, stride: 31, atOnce: 2 }, postgres: { stride: 23, most: 1, atOnce: 2 } }

/** The points of one victim: before 1, after 1, answer 1, before 2, … until a mode has no further one. */
class Lane {
  readonly victim: Side
  readonly #sampling: Sampling
  readonly #ended = new Set<Fault['mode']>()
  #tried = 0
  #next: number

  constructor(victim: Side, sampling: Sampling) {
    this.victim = victim
    this.#sampling = sampling
    // The victims of a run are not killed at the same points.
    this.#next = (seed + victim * 7) % sampling.stride
  }

  next(): Fault | undefined {
    const modes = ['before', 'after', 'answer'] as const
    while (this.#tried < this.#sampling.most && this.#ended.size < modes.length) {
      const i = this.#next
      this.#next += this.#sampling.stride
      const mode = modes[i % modes.length] ?? 'before'
      if (this.#ended.has(mode)) continue
      this.#tried++
      return { mode, n: Math.floor(i / modes.length) + 1 }
    }
    return undefined
  }

  /** The flow has no such point. */
  end({ mode }: Fault): void {
    this.#ended.add(mode)
    if (!isFull) this.#tried = this.#sampling.most
  }
}

type CaseRunner = (point: Pick<Case, 'victim' | 'fault'>) => Promise<boolean>

/** How many faults have happened. @throws with the point in the message */
async function everyPoint(sampling: Sampling, run: CaseRunner): Promise<number> {
  const lanes = [new Lane(0, sampling), new Lane(1, sampling)]
  let hits = 0
  let hasFailed = false
  async function tryOne(lane: Lane, fault: Fault): Promise<void> {
    try {
      if (await run({ victim: lane.victim, fault })) hits++
      else lane.end(fault)
    } catch (cause) {
      hasFailed = true
      const message = cause instanceof Error ? cause.message : String(cause)
      const where = `side ${lane.victim} killed ${fault.mode} ${fault.n} (FAULT_SEED=${seed})`
      throw new Error(`${where}: ${message}`, { cause })
    }
  }
  async function tryNext(lane: Lane | undefined): Promise<boolean> {
    const fault = lane?.next()
    if (!lane || !fault) return false
    await tryOne(lane, fault)
    return true
  }
  async function work(first: number): Promise<void> {
    for (let turn = first; !hasFailed; turn++) {
      const order = turn % 2 === 0 ? lanes : [...lanes].reverse()
      const isOver = !(await tryNext(order[0])) && !(await tryNext(order[1]))
      if (isOver) return
    }
  }
  await Promise.all(Array.from({ length: sampling.atOnce }, (_, i) => work(i)))
  return hits
}

/** `name`: what both parties do. */
export function faultTests(name: string, flow: Flow): void {
  let server: SmpServer
  beforeAll(async () => {
    server = await startSmpServer()
  })
  afterAll(async () => {
    await server.stop()
  })
  overDatabases((kind, storage) => {
    it(
      `${name}: whoever is killed, wherever, goes on`,
      async () => {
        const hits = await everyPoint(samplings[kind], ({ victim, fault }) =>
          runCase({ flow, victim, fault, server: server.addressText, storage }),
        )
        if (isFull) expect(hits).toBeGreaterThan(0)
      },
      timeout,
    )
  })
}
