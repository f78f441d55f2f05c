// The push providers that the config enables, with the keys from the files that it names.
import fs from 'node:fs'
import { consoleProvider, type PushProvider, webhookProvider } from '@smpkit/push-providers'
import { apnsProvider, nullProvider } from '@smpkit/push-providers/apns'
import { fcmProvider, type ServiceAccount } from '@smpkit/push-providers/fcm'
import { type VapidKeys, webPushProvider } from '@smpkit/push-providers/webpush'
import { addressPolicy } from '@smpkit/smp-commands/address'
import { describeError, ProgramError, usageError } from 'example-chat'
import type { Config, SectionName } from './config-keys.js'

type Make = (config: Config) => PushProvider

/** Who is enabled in which section. */
const makers: Partial<Record<SectionName, Make>> = {
  'providers.apns.prod': (config) => apns(config, 'prod'),
  'providers.apns.dev': (config) => apns(config, 'dev'),
  'providers.apns.test': (config) => apns(config, 'test'),
  'providers.apns.null': () => nullProvider('apns_null'),
  'providers.fcm': (config) => {
    const { service_account_file, ca_file, host, port } = config['providers.fcm']
    const serviceAccount = json<ServiceAccount>(service_account_file, 'providers.fcm.service_account_file')
    return fcmProvider({ serviceAccount, host, port, ...trusting(ca_file, 'providers.fcm.ca_file') })
  },
  'providers.webpush': (config) => {
    const { vapid_key_file, subject = '', allow, ca_file } = config['providers.webpush']
    const keys = json<VapidKeys>(vapid_key_file, 'providers.webpush.vapid_key_file')
    return webPushProvider({
      vapid: { ...keys, subject },
      allowAddress: addressPolicy({ allow }),
      ...trusting(ca_file, 'providers.webpush.ca_file'),
    })
  },
  'providers.webhook': (config) => {
    const { allow, ca_file } = config['providers.webhook']
    return webhookProvider({
      allowAddress: addressPolicy({ allow }),
      ...trusting(ca_file, 'providers.webhook.ca_file'),
    })
  },
  'providers.console': () => consoleProvider({ write: (line) => void process.stdout.write(`${line}\n`) }),
}

/** @throws ProgramError if a file cannot be read or is not what was expected */
export function createProviders(config: Config): PushProvider[] {
  return Object.entries(makers).flatMap(([section, make]) => {
    const { enabled } = config[section as SectionName] as { readonly enabled: boolean }
    // Apps try a server out with it.
    const isNeeded = section === 'providers.apns.null' && config.ntf.listen !== undefined
    return enabled || isNeeded ? [made(section, () => make(config))] : []
  })
}

function made(section: string, make: () => PushProvider): PushProvider {
  try {
    return make()
  } catch (error) {
    if (error instanceof ProgramError) throw error
    throw usageError(`[${section}]: ${describeError(error)}`, error)
  }
}

function apns(config: Config, server: 'prod' | 'dev' | 'test'): PushProvider {
  const { topic = '', team_id = '', key_id = '', key_file } = config['providers.apns']
  const section = `providers.apns.${server}` as const
  const { host, port, ca_file } = config[section]
  return apnsProvider({
    name: `apns_${server}`,
    topic,
    teamId: team_id,
    keyId: key_id,
    key: read(key_file, 'providers.apns.key_file'),
    ...(host !== undefined && { host }),
    port,
    ...trusting(ca_file, `${section}.ca_file`),
  })
}

const trusting = (file: string | undefined, key: string) => (file === undefined ? {} : { ca: read(file, key) })

function read(file: string | undefined, key: string): string {
  try {
    return fs.readFileSync(file ?? '', 'utf8')
  } catch (error) {
    throw usageError(`${key}: the file ${file ?? ''} cannot be read`, error)
  }
}

function json<T>(file: string | undefined, key: string): T {
  try {
    return JSON.parse(read(file, key))
  } catch (error) {
    if (error instanceof ProgramError) throw error
    // Without its cause, which quotes the file.
    throw usageError(`${key}: expected a file of JSON`)
  }
}
