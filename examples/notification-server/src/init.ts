// The command `init`: config, keys and databases in a new folder.
import fs from 'node:fs'
import path from 'node:path'
import { createStoreKey } from '@smpkit/agent-store/key-file'
import type { SigningAlgorithm } from '@smpkit/crypto'
import { ntfDefaultPort } from '@smpkit/ntf-protocol'
import { type ExitCode, exitCodes, type Running, readName, readServer, usageError } from 'example-chat'
import { ConfigError, configName, readConfig } from './config.js'
import { type Config, keysOf, type SectionName, sectionNames } from './config-keys.js'
import { configFile, type Given } from './config-template.js'
import type { Toml } from './config-types.js'
import { openDatabases } from './databases.js'
import { writeNewFile } from './files.js'
import { askAll } from './init-questions.js'
import { makeNtfIdentity } from './ntf-cert.js'
import { createVapidKeys } from './vapid-key.js'

export interface InitOptions {
  readonly data: string
  readonly name?: string
  readonly server?: readonly string[]
  /** What follows the `@` in the address of the NTF protocol. */
  readonly ntf?: string
  readonly ntfAlgorithm?: SigningAlgorithm
  readonly database?: string
  readonly provider?: readonly string[]
  readonly set?: readonly string[]
  readonly yes?: boolean
}

type Settings = Record<string, Record<string, Toml>>

export async function initCommand(
  _: readonly string[],
  options: InitOptions,
  { log, signal }: Running,
): Promise<ExitCode> {
  const folder = path.resolve(options.data)
  const file = path.join(folder, configName)
  if (fs.existsSync(file)) throw usageError(`there is a config already, which is not overwritten: ${file}`)
  const isAsked = !options.yes && process.stdin.isTTY && process.stdout.isTTY
  const answered = isAsked ? await askAll(options) : options
  const text = configFile(settingsOf(answered))
  // What was set in the environment for one run is not what the file has to be right with.
  const config = checked(text, folder)

  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { key_file } = config.database
  if (key_file !== undefined && !fs.existsSync(key_file)) await createStoreKey(key_file)
  if (config['providers.webpush'].enabled) createVapidKeys(config['providers.webpush'].vapid_key_file)
  if (config.ntf.listen && !hasIdentity(config))
    makeNtfIdentity(config.ntf, folder, answered.ntfAlgorithm ?? 'ed25519', log)
  const databases = await openDatabases(config, { signal })
  await databases.close()
  // Last: with it, all is there.
  writeNewFile(file, text)
  log(`made ${file}`)
  if (key_file !== undefined) log(`keep a copy of ${key_file} elsewhere: without it, the database cannot be read`)
  log('next: the command start, with the same --data; then address shows what to give to clients')
  return exitCodes.ok
}

/** A config may be lost alone. */
const hasIdentity = ({ ntf }: Config) => fs.existsSync(ntf.certificate_file) && fs.existsSync(ntf.key_file)

/** Where apps are told to come is where it listens, unless the config says otherwise; a port that is none is found with the host. */
function portOf(ntf: string): number {
  const port = Number(/:(\d+)$/.exec(ntf)?.[1])
  return port > 0 && port < 65_536 ? port : ntfDefaultPort
}

function settingsOf({ name, server = [], ntf, database, provider = [], set = [] }: InitOptions): Given {
  const settings: Settings = {}
  const put = (section: SectionName, key: string, value: Toml) => {
    settings[section] = { ...settings[section], [key]: value }
  }
  if (name !== undefined) put('server', 'name', readName(name))
  if (server.length > 0) put('smp', 'servers', server.map(readServer))
  if (ntf !== undefined) {
    put('ntf', 'listen', `0.0.0.0:${portOf(ntf)}`)
    put('ntf', 'host', ntf)
  }
  if (database !== undefined) put('database', 'url', database)
  put('database', 'key_file', 'database.key')
  for (const one of provider) {
    const section = sectionNames.find((name) => name === `providers.${one}`)
    if (section === undefined || !('enabled' in keysOf(section))) {
      throw usageError(`--provider: expected one of ${providerNames.join(', ')}`)
    }
    put(section, 'enabled', true)
  }
  for (const one of set) {
    const [, section, key, value] = /^([\w.]+)\.(\w+)=(.*)$/s.exec(one) ?? []
    const found = sectionNames.find((name) => name === section)
    const type = found && key !== undefined ? keysOf(found)[key]?.type : undefined
    if (!found || !type || key === undefined || value === undefined) {
      throw usageError('--set: expected <section>.<key>=<value> of a key that there is')
    }
    put(found, key, type.fromText(value))
  }
  return settings as Given
}

/** As `--provider` takes them. */
export const providerNames = sectionNames
  .filter((section) => section.startsWith('providers.') && 'enabled' in keysOf(section))
  .map((section) => section.slice('providers.'.length))

function checked(text: string, folder: string): Config {
  try {
    return readConfig(text, folder)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // The file that the lines are of is not written.
    const problems = error.problems.map((problem) => problem.replace(/^smpkit-ntf\.toml(:\d+)*: /, ''))
    throw usageError(problems.join('; '))
  }
}
