// The commands that need the databases for themselves.
import fs from 'node:fs'
import path from 'node:path'
import { createStoreKey, readStoreKey } from '@smpkit/agent-store/key-file'
import { type ExitCode, exitCodes, type Running, usageError } from 'example-chat'
import { loadConfig } from './data-folder.js'
import { databaseKey, openDatabases, rekeyDatabases } from './databases.js'

interface Options {
  readonly data: string
}

/** Opening is all: it brings a database to this version, or refuses. */
export async function migrateCommand(_: readonly string[], { data }: Options, running: Running): Promise<ExitCode> {
  const config = loadConfig(path.resolve(data), running.log)
  const databases = await openDatabases(config, { signal: running.signal })
  await databases.close()
  running.log('the databases are of this version')
  return exitCodes.ok
}

/**
 * The new key is on the disk before it is used, and takes the place of the old one when both databases have it. After a crash in between,
 * the same command goes on.
 */
export async function rekeyCommand(_: readonly string[], { data }: Options, running: Running): Promise<ExitCode> {
  const config = loadConfig(path.resolve(data), running.log)
  const { key_file: file } = config.database
  if (file === undefined) throw usageError('expected database.key_file in the config: where the new key is to be')
  const next = `${file}.new`
  const before = fs.existsSync(file) ? await databaseKey(config) : null
  const key = fs.existsSync(next) ? await readStoreKey(next) : await createStoreKey(next)
  await rekeyDatabases(config, { before, key, signal: running.signal })
  fs.renameSync(next, file)
  running.log(`encrypted with the new key, which is in ${file}: copy it to a safe place, in place of the old one`)
  return exitCodes.ok
}
