// The commands that ask a running server, or its databases if none runs.
import fs from 'node:fs'
import path from 'node:path'
import { type ExitCode, exitCodes, linkForTerminal, ProgramError, type Running, usageError } from 'example-chat'
import { type Admin, reportLimit, type TokenReport } from './admin.js'
import { connectAdmin } from './admin-socket.js'
import { configName } from './config.js'
import { loadConfig, socketName } from './data-folder.js'
import { openDatabases } from './databases.js'
import { storedAdmin } from './stored-admin.js'
import { outboxText, statusText, tokensText } from './words.js'

interface Options {
  readonly data: string
  readonly json?: boolean
}

/** @throws ProgramError, and what `run` throws */
async function withAdmin<R>(
  { data }: Options,
  { log, signal }: Running,
  run: (admin: Admin) => Promise<R>,
): Promise<R> {
  const folder = path.resolve(data)
  const config = loadConfig(folder, log)
  const running = await connectAdmin(path.join(folder, socketName))
  if (running) return run(running)
  await using databases = await openDatabases(config, { signal })
  return await run(storedAdmin(config, databases, signal))
}

function print(options: Options, report: unknown, text: () => string): ExitCode {
  process.stdout.write(`${options.json ? JSON.stringify(report, undefined, 2) : text()}\n`)
  return exitCodes.ok
}

export async function statusCommand(_: readonly string[], options: Options, running: Running): Promise<ExitCode> {
  const report = await withAdmin(options, running, (admin) => admin.status({}))
  return print(options, report, () => statusText(report, Date.now()))
}

export async function tokensCommand(
  _: readonly string[],
  options: Options & { readonly after?: string; readonly limit: number },
  running: Running,
): Promise<ExitCode> {
  const { after, limit } = options
  const tokens = await withAdmin(options, running, (admin) => listTokens(admin, after, limit))
  return print(options, tokens, () => tokensText(tokens, Date.now()))
}

async function listTokens(admin: Admin, first: string | undefined, limit: number): Promise<readonly TokenReport[]> {
  const all: TokenReport[] = []
  for (let after = first; all.length < limit; after = all.at(-1)?.id) {
    const size = Math.min(limit - all.length, reportLimit)
    const page = await admin.tokens({ ...(after !== undefined && { after }), limit: size })
    all.push(...page)
    if (page.length < size) break
  }
  return all
}

export async function outboxCommand(
  _: readonly string[],
  options: Options & { readonly limit: number },
  running: Running,
): Promise<ExitCode> {
  const report = await withAdmin(options, running, (admin) => admin.outbox({ limit: options.limit }))
  return print(options, report, () => outboxText(report, Date.now()))
}

export async function addressCommand(_: readonly string[], options: Options, running: Running): Promise<ExitCode> {
  const report = await withAdmin(options, running, (admin) => admin.address({}))
  const { link, shortLink, ntf } = report
  const links = [shortLink, link, ntf].filter((one) => one !== null)
  return print(options, report, () => links.map((one) => linkForTerminal(one, process.stdout.columns)).join('\n'))
}

export async function backupCommand(
  [folder = '']: readonly string[],
  options: Options,
  running: Running,
): Promise<ExitCode> {
  const target = path.resolve(folder)
  if (fs.existsSync(target)) throw usageError(`expected the name of a folder that is not there, got ${target}`)
  fs.mkdirSync(target, { recursive: true, mode: 0o700 })
  try {
    for (const file of await withAdmin(options, running, (admin) => admin.backup({ folder: target }))) running.log(file)
    fs.copyFileSync(path.join(options.data, configName), path.join(target, configName), fs.constants.COPYFILE_EXCL)
  } catch (error) {
    fs.rmSync(target, { recursive: true, force: true })
    if (error instanceof ProgramError) throw error
    throw new ProgramError(exitCodes.database, 'the backup could not be made', { cause: error })
  }
  running.log('key files are not in the backup: keep copies of them in another place')
  return exitCodes.ok
}
