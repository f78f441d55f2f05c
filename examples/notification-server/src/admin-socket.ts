// `Admin` over a Unix socket in the data folder, which only its owner can use: HTTP with a call's name as path and JSON as body.
import fs from 'node:fs'
import http from 'node:http'
import { describeError, exitCodeOf, exitCodes, ProgramError } from 'example-chat'
import { type Admin, adminCalls } from './admin.js'
import { closed, listening } from './http.js'

/** Longer paths are cut by the system: the shortest limit among them. */
const longestPath = 103

const mostBytes = 64 * 1024

export interface AdminSocket extends AsyncDisposable {
  close(): Promise<void>
}

/** Rejects if the path is too long for a socket. The caller has the database, so an old socket there is nobody's. */
export async function serveAdmin(file: string, admin: Admin): Promise<AdminSocket> {
  if (Buffer.byteLength(file) > longestPath) {
    throw new ProgramError(
      exitCodes.usage,
      `the socket ${file} would need ${Buffer.byteLength(file)} bytes, at most ${longestPath} are possible: --data with a shorter path`,
    )
  }
  const server = http.createServer((request, response) => {
    answer(request, admin)
      .then((result) => ({ status: 200, body: { result } as object }))
      .catch((error: unknown) => ({ status: 500, body: { error: describeError(error), exit: exitCodeOf(error) } }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      })
  })
  fs.rmSync(file, { force: true })
  await listening(server, () => server.listen(file))
  fs.chmodSync(file, 0o600)
  const close = async () => {
    await closed(server)
    fs.rmSync(file, { force: true })
  }
  return { close, [Symbol.asyncDispose]: close }
}

async function answer(request: http.IncomingMessage, admin: Admin): Promise<unknown> {
  const name = adminCalls.find((one) => request.url === `/${one}`)
  if (name === undefined || request.method !== 'POST') {
    throw new ProgramError(exitCodes.usage, 'the running server does not know that command: is it of another version?')
  }
  let text = ''
  for await (const bytes of request.setEncoding('utf8')) {
    text += bytes
    if (text.length > mostBytes) throw new ProgramError(exitCodes.usage, 'the command is too long')
  }
  const call = admin[name] as (options: unknown) => Promise<unknown>
  return call(JSON.parse(text))
}

/** The server that runs over this data folder; `undefined` if none does. */
export async function connectAdmin(file: string): Promise<Admin | undefined> {
  if (!(await isServed(file))) return undefined
  const calls = adminCalls.map((name) => [name, (options: unknown) => ask(file, name, options)])
  return Object.fromEntries(calls) as unknown as Admin
}

async function isServed(file: string): Promise<boolean> {
  if (!fs.existsSync(file)) return false
  try {
    await send(file, 'status', {}, { check: true })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Nobody has taken it away: the process was killed.
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false
    throw new ProgramError(exitCodes.database, `the running server cannot be asked: ${describeError(error)}`, {
      cause: error,
    })
  }
}

async function ask(file: string, name: keyof Admin, options: unknown): Promise<unknown> {
  const { error, exit, result } = JSON.parse(await send(file, name, options))
  if (error !== undefined) throw new ProgramError(exit, error)
  return result
}

function send(file: string, name: string, options: unknown, { check = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { socketPath: file, path: `/${name}`, method: check ? 'OPTIONS' : 'POST', agent: false },
      (response) => {
        let text = ''
        response
          .setEncoding('utf8')
          .on('data', (part: string) => {
            text += part
          })
          .on('end', () => resolve(text))
          .on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(check ? undefined : JSON.stringify(options))
  })
}
