// The tests of one flow: every point of it where either party can be killed; without FULL_VOLUME some of them, others each time.
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Case, type Fault, type Flow, runCase, type Side } from './case.js'
import { overDatabases } from './databases.js'

const isFull = process.env.FULL_VOLUME === '1'
/** FAULT_SEED repeats a run. */
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1000))
/** Cases at the same time: most of the time they wait for the disk and for each other. */
const atOnce = 3
const fullTimeout = 1_800_000

/** Every how manyth point is tried. */
const strides = isFull ? { sqlite: 1, postgres: 1 } : { sqlite: 13, postgres: 37 }

/** Goes through the points of one victim: before 1, after 1, answer 1, before 2, … until each mode has no further point. */
class Lane {
  readonly victim: Side
  readonly #stride: number
  readonly #ended = new Set<Fault['mode']>()
  #next: number

  constructor(victim: Side, stride: number) {
    this.victim = victim
    this.#stride = stride
    this.#next = seed % stride
  }

  next(): Fault | undefined {
    const modes = ['before', 'after', 'answer'] as const
    while (modes.some((mode) => !this.#ended.has(mode))) {
      const i = this.#next
      this.#next += this.#stride
      const mode = modes[i % 3] ?? 'before'
      if (!this.#ended.has(mode)) return { mode, n: Math.floor(i / 3) + 1 }
    }
    return undefined
  }

  /** The flow has no such point. */
  end({ mode }: Fault): void {
    this.#ended.add(mode)
  }
}

export type CaseRunner = (point: Pick<Case, 'victim' | 'fault'>) => Promise<boolean>

/** How many faults have happened. @throws with the point in the message */
export async function everyPoint(stride: number, run: CaseRunner): Promise<number> {
  const lanes = [new Lane(0, stride), new Lane(1, stride)]
  let hits = 0
  let hasFailed = false
  async function tryOne(lane: Lane, fault: Fault): Promise<void> {
    try {
      if (await run({ victim: lane.victim, fault })) hits++
      else lane.end(fault)
    } catch (cause) {
      hasFailed = true
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`side ${lane.victim} killed ${fault.mode} ${fault.n}: ${message}`, { cause })
    }
  }
  async function work(first: number): Promise<void> {
    for (let turn = first; !hasFailed; turn++) {
      const [lane, other] = turn % 2 === 0 ? lanes : [...lanes].reverse()
      const fault = lane?.next()
      const otherFault = fault ? undefined : other?.next()
      if (lane && fault) await tryOne(lane, fault)
      else if (other && otherFault) await tryOne(other, otherFault)
      else return
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, i) => work(i)))
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
      `${name}: whoever is killed, wherever, goes on (seed ${seed})`,
      async () => {
        const hits = await everyPoint(strides[kind], ({ victim, fault }) =>
          runCase({ flow, victim, fault, server: server.addressText, storage }),
        )
        expect(hits).toBeGreaterThan(0)
      },
      isFull ? fullTimeout : undefined,
    )
  })
}
