// A copy of a database that knows that it is one.
import fs from 'node:fs'
import path from 'node:path'
import { StoreError } from './errors.js'
import { metaTable } from './meta.js'
import type { Schema } from './schema.js'
import type { SqliteDriver } from './sqlite-driver.js'

/** Under its name only when it is complete and on the disk. Only its owner can read it. */
export function writeBackup(driver: SqliteDriver, schema: Schema, file: string): void {
  if (fs.existsSync(file)) throw new StoreError('INVALID', 'expected the name of a new file, got one that is there')
  const part = `${file}.part`
  try {
    fs.rmSync(part, { force: true })
    fs.writeFileSync(part, '', { mode: 0o600, flag: 'wx' })
    driver.run({ text: 'VACUUM INTO ?', values: [part] })
    driver.run({ text: 'ATTACH ? AS backup', values: [part] })
    try {
      driver.exec(`INSERT OR REPLACE INTO backup.${metaTable(schema)} (name, value) VALUES ('restored', 'yes')`)
    } finally {
      driver.exec('DETACH backup')
    }
    fs.renameSync(part, file)
    syncFolder(path.dirname(path.resolve(file)))
  } catch (cause) {
    fs.rmSync(part, { force: true })
    if (cause instanceof StoreError) throw cause
    throw new StoreError('UNAVAILABLE', 'the backup could not be written', { temporary: true, cause })
  }
}

/** The new name is durable too. */
function syncFolder(folder: string): void {
  const descriptor = fs.openSync(folder, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
