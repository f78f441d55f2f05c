// What the tests of the APNs provider share: a fake, a provider that sends to it, and pushes.
import { afterEach } from 'vitest'
import { type ApnsOptions, apnsProvider } from '../apns/provider.js'
import type { PushKind } from '../notification-data.js'
import type { Push, PushOutcome, PushProvider } from '../provider.js'
import { type ApnsFake, type ApnsFakeOptions, startApnsFake } from './apns-fake.js'

export const tokens = ['ab'.repeat(32), 'cd'.repeat(32)] as const
export const registeredAt = Date.parse('2026-06-01')

export const push = (kind: PushKind = 'message', token: string = tokens[0]): Push => ({
  id: 'id',
  kind,
  token,
  registeredAt,
  notificationData: { nonce: 'n'.repeat(32), message: 'm'.repeat(3904) },
})

export const retry = (reason: string, more: object = {}) => ({ outcome: 'retry', afterMs: 0, reason, ...more })

export const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

export interface Sending {
  readonly fake: ApnsFake
  readonly provider: PushProvider
  send(push?: Push): Promise<PushOutcome>
}

const started: Sending[] = []

export async function start(options: Partial<ApnsOptions> = {}, fakeOptions: ApnsFakeOptions = {}): Promise<Sending> {
  const fake = await startApnsFake(fakeOptions)
  const sending = sendingTo(fake, options)
  started.push(sending)
  return sending
}

export function sendingTo(fake: ApnsFake, options: Partial<ApnsOptions> = {}): Sending {
  const provider = apnsProvider({ name: 'apns_test', ...fake.options, ...options })
  return { fake, provider, send: (one = push()) => provider.send(one, { signal: new AbortController().signal }) }
}

afterEach(async () => {
  for (const { provider, fake } of started.splice(0)) {
    await provider.close()
    await fake.close()
  }
})
