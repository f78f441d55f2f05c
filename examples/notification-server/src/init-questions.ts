// What `init` asks at a terminal.
import { cancel, confirm, group, intro, multiselect, outro, text } from '@clack/prompts'
import { exitCodes, ProgramError, readServer } from 'example-chat'
import type { InitOptions } from './init.js'

/** What a check of a value throws becomes what the question says. */
const check = (read: (value: string) => unknown) => (value: string | undefined) => {
  try {
    read(value ?? '')
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

const needed = (expected: string) => (value: string | undefined) => (value ? undefined : `expected ${expected}`)

const choices = [
  { value: 'webpush', label: 'Web Push and UnifiedPush', hint: 'needs no account' },
  { value: 'webhook', label: 'webhooks', hint: 'needs no account' },
  { value: 'fcm', label: 'Google (FCM)', hint: 'needs a service account' },
  { value: 'apns.prod', label: 'Apple (APNs)', hint: 'needs a key of a developer account' },
  { value: 'console', label: 'the console', hint: 'for trying out' },
]

const apnsKeys = ['topic', 'team_id', 'key_id', 'key_file'] as const

/** Asks for what is not given. @throws ProgramError if the user gives up */
export async function askAll(given: InitOptions): Promise<InitOptions> {
  const onCancel = () => {
    cancel('nothing was made')
    throw new ProgramError(exitCodes.interrupted, 'given up')
  }
  intro('A new notification server')
  const basics = await group(
    {
      name: async () =>
        given.name ?? (await text({ message: 'Its name, as clients see it', initialValue: 'notifications' })),
      server: async () =>
        given.server ?? [
          await text({
            message: 'The SMP server on which clients reach it over s.* (empty: none, for SimpleX apps alone)',
            placeholder: 'smp://<fingerprint>:<password>@smp.example.org',
            validate: (value) => (value ? check(readServer)(value) : undefined),
          }),
        ],
      ntf: async ({ results }) =>
        given.ntf ??
        (await text({
          message: 'The name under which SimpleX apps reach it over the NTF protocol (empty: they do not)',
          placeholder: 'ntf.example.org',
          validate: (value) =>
            value || results.server?.toString() ? undefined : 'expected a name, as there is no SMP server',
        })),
      postgres: async () =>
        given.database !== undefined ||
        (await confirm({ message: 'Keep everything in PostgreSQL, not in files?', initialValue: false })),
      database: async ({ results }) =>
        given.database ??
        (results.postgres === true
          ? await text({
              message: 'Its address',
              placeholder: 'postgresql://user:password@host/database',
              validate: needed('an address'),
            })
          : undefined),
      provider: async () =>
        given.provider ??
        (await multiselect({
          message: 'How are devices woken?',
          options: choices,
          required: false,
          initialValues: ['webpush'],
        })),
    },
    { onCancel },
  )
  const { name, server, ntf, database, provider } = basics as Pick<
    InitOptions,
    'name' | 'server' | 'ntf' | 'database' | 'provider'
  >
  const set = [...(given.set ?? [])]
  const isSet = (key: string) => set.some((one) => one.startsWith(`${key}=`))
  for (const { key, message } of questions(provider ?? [])) {
    if (isSet(key)) continue
    const { value } = await group({ value: () => text({ message, validate: needed('a value') }) }, { onCancel })
    set.push(`${key}=${value as string}`)
  }
  outro('making it')
  const named = { name, server: server?.filter((one) => one), ntf: ntf || undefined, database, provider, set }
  return { ...given, ...named } as InitOptions
}

/** What an enabled provider needs. */
function questions(provider: readonly string[]): { readonly key: string; readonly message: string }[] {
  const asked = []
  if (provider.includes('webpush')) {
    asked.push({ key: 'providers.webpush.subject', message: 'How push services can reach you: mailto:… or https://…' })
  }
  if (provider.includes('fcm')) {
    asked.push({ key: 'providers.fcm.service_account_file', message: 'The file with the key of the service account' })
  }
  if (provider.some((one) => one.startsWith('apns.') && one !== 'apns.null')) {
    for (const key of apnsKeys) asked.push({ key: `providers.apns.${key}`, message: `Apple: ${key}` })
  }
  return asked
}
