// What tests of the whole program share: a folder for each test, and the program in it, which is ended after the test.
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Ended, type StartedProgram, startProgram } from 'example-chat/testing'
import { afterEach, beforeEach } from 'vitest'
import type { Admin } from '../admin.js'
import { connectAdmin } from '../admin-socket.js'

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

let folder: string
const started: StartedProgram[] = []
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'ntf '))
})
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.kill('SIGKILL')
    await one.ended
  }
  fs.rmSync(folder, { recursive: true })
})

export const inFolder = (name: string): string => path.join(folder, name)

export const run = (...args: string[]): Promise<Ended> => startProgram(program, args, { cwd: folder }).ended

export function start(data: string): StartedProgram {
  const one = startProgram(program, ['start', '--data', data], { cwd: folder })
  started.push(one)
  return one
}

export async function serving(data: string): Promise<StartedProgram> {
  const one = start(data)
  await one.until(/"msg":"serving/, 'stderr')
  return one
}

/** Its exit code. */
export async function end(one: StartedProgram, signal: NodeJS.Signals): Promise<number | null> {
  one.kill(signal)
  return (await one.ended).code
}

/** What a running server is asked. */
export async function admin(data: string): Promise<Admin> {
  const connected = await connectAdmin(inFolder(`${data}/status.sock`))
  if (!connected) throw new Error('expected a running server')
  return connected
}

export async function freePort(): Promise<number> {
  const listener = net.createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as net.AddressInfo
  listener.close()
  await once(listener, 'close')
  return port
}
