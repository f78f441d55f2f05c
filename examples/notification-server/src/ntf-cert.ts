// Spec 22 §11: the command `ntf-cert`, and what an operator is told of the identity for the NTF protocol.
import fs from 'node:fs'
import path from 'node:path'
import type { SigningAlgorithm } from '@smpkit/crypto'
import { type ExitCode, exitCodes, type Running } from 'example-chat'
import type { Config } from './config-keys.js'
import { loadConfig } from './data-folder.js'
import { ntfAddress } from './ntf-address.js'
import { createNtfIdentity, readNtfIdentity, renewNtfCertificate } from './ntf-identity.js'

export interface NtfCertOptions {
  readonly data: string
  readonly caKey?: string
  readonly algorithm: SigningAlgorithm
}

export const algorithms = ['ed25519', 'ed448'] as const satisfies readonly SigningAlgorithm[]

/** In the data folder, until the operator moves it away. */
const caKeyName = 'ntf-ca.key'

/** Makes an identity if there is none, else another online certificate of the same. */
export async function ntfCertCommand(
  _: readonly string[],
  { data, caKey, algorithm }: NtfCertOptions,
  { log }: Running,
): Promise<ExitCode> {
  const folder = path.resolve(data)
  const { ntf } = loadConfig(folder, log)
  if (!fs.existsSync(ntf.certificate_file)) {
    makeNtfIdentity(ntf, folder, algorithm, log)
    return exitCodes.ok
  }
  renewNtfCertificate(ntf, caKey ?? path.join(folder, caKeyName), { algorithm, commonName: commonName(ntf) })
  tellAddress(ntf, log)
  log(`made ${ntf.certificate_file} and ${ntf.key_file} anew: a server that runs takes them when it is started again`)
  return exitCodes.ok
}

/** And says what to do with its files. @throws ProgramError */
export function makeNtfIdentity(
  ntf: Config['ntf'],
  folder: string,
  algorithm: SigningAlgorithm,
  log: (line: string) => void,
): void {
  const caKeyFile = path.join(folder, caKeyName)
  createNtfIdentity(ntf, caKeyFile, { algorithm, commonName: commonName(ntf) })
  tellAddress(ntf, log)
  log(
    `keep copies of ${ntf.certificate_file} and ${ntf.key_file} elsewhere: without them, apps have to be given another address`,
  )
  log(`move ${caKeyFile} to a place that is not online: only ntf-cert needs it, and whoever has it can be this server`)
}

const commonName = ({ host }: Config['ntf']) => host?.split(/[,:]/)[0] || '127.0.0.1'

function tellAddress(ntf: Config['ntf'], log: (line: string) => void): void {
  const { fingerprint } = readNtfIdentity(ntf)
  if (ntf.listen !== undefined) log(`the address for apps: ${ntfAddress(ntf, ntf.listen, fingerprint)}`)
}
