// The second process of a benchmark: one module of this folder run on its own, asked over the IPC channel.
import { type ChildProcess, fork } from 'node:child_process'

export interface Peer extends AsyncDisposable {
  /** Asks the other process to run one of its functions. */
  call<T>(name: string, ...args: unknown[]): Promise<T>
}

type Question = { id: number; name: string; args: unknown[] }
type Answer = { id: number; result?: unknown; error?: string }

/** Starts a module that calls `serve`. */
export function startPeer(module: URL, env: Record<string, string> = {}): Peer {
  const child: ChildProcess = fork(module, {
    serialization: 'advanced',
    execArgv: ['--expose-gc'],
    env: { ...process.env, ...env, BENCH_PEER: '1' },
  })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  let last = 0
  child.on('message', ({ id, result, error }: Answer) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) call?.resolve(result as never)
    else call?.reject(new Error(error))
  })
  const exited = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`the second process ended (${signal ?? code})`))
      resolve()
    })
  })
  return {
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++last
        waiting.set(id, { resolve, reject })
        child.send({ id, name, args } satisfies Question)
      }),
    async [Symbol.asyncDispose]() {
      child.kill()
      await exited
    },
  }
}

/** In the second process: answers the calls of the first one, and ends with it. */
export function serve(functions: Record<string, (...args: never[]) => unknown>): void {
  if (!process.env.BENCH_PEER) return
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ id, name, args }: Question) => {
    try {
      const result = await functions[name]?.(...(args as never[]))
      process.send?.({ id, result } satisfies Answer)
    } catch (error) {
      process.send?.({ id, error: String(error) } satisfies Answer)
    }
  })
}

/** Resident memory after the garbage collector had its say, in bytes. */
export async function residentMemory(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return process.memoryUsage.rss()
}
