// The options that our programs share.
import { parseServerAddress } from '@smpkit/smp-commands/address'
import type { Command } from 'commander'
import { ChatError } from './errors.js'
import { profile } from './fields.js'
import { usageError } from './program-errors.js'

export interface CommonOptions {
  readonly server?: readonly string[]
  /** A file of SQLite, or `postgres://…`. Absent: nothing is kept. */
  readonly db?: string
  readonly keyFile?: string
  readonly restored?: boolean
  readonly name: string
  /** `HOST:PORT` of a SOCKS5 proxy. */
  readonly socks?: string
}

/** A server's address is as it should be, or the user is told. @throws ProgramError */
export function readServer(text: string): string {
  try {
    parseServerAddress(text, 'smp')
    return text
  } catch (error) {
    throw usageError(`--server: expected smp://<fingerprint>@<host>[:port]; ${(error as Error).message}`)
  }
}

/** @throws ProgramError */
export function readName(text: string): string {
  try {
    return profile({ displayName: text.trim(), fullName: '' }, 'profile').displayName
  } catch (error) {
    if (!(error instanceof ChatError)) throw error
    throw usageError('expected a name that is not empty and does not begin with # or @')
  }
}

/** @throws ProgramError */
export function readSocks(text: string): { host: string; port: number } {
  const [, host = '', digits = ''] = /^(?:socks5h?:\/\/)?\[?([^@[\]/]+?)\]?:(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (host === '' || port < 1 || port > 65_535) throw usageError('--socks: expected HOST:PORT of a SOCKS5 proxy')
  return { host, port }
}

export interface CommonDefaults {
  /** Absent: the program asks. */
  readonly name?: string
  /** Where the program keeps what it needs to go on, if nothing else is said. */
  readonly db?: string
}

export function addCommonOptions(command: Command, { name, db }: CommonDefaults): Command {
  const collect = (text: string, former: readonly string[] = []) => [...former, readServer(text)]
  const checkedSocks = (text: string) => readSocks(text) && text
  return command
    .option('--server <address>', 'SMP server for our queues, smp://…@host; may be repeated', collect)
    .option('--db <where>', 'a file (SQLite), or postgres://…: what a next run goes on with', db)
    .option('--key-file <file>', 'encrypt what is secret in the database with the key in this file, made if it is new')
    .option(
      '--restored',
      'to be said once when an older copy of the database was put back: contacts get new keys first',
    )
    .option('--name <name>', 'what others see us as', readName, name)
    .option('--socks <host:port>', 'reach all servers through this SOCKS5 proxy, such as Tor', checkedSocks)
}
