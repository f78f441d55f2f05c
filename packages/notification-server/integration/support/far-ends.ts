// Every push provider with a far end that speaks its protocol, seen in one way: by devices and what was pushed to them.
import { toHex } from '@smpkit/encoding'
import { type NotificationData, type PushProvider, webhookProvider } from '@smpkit/push-providers'
import { apnsProvider } from '@smpkit/push-providers/apns'
import { fcmProvider } from '@smpkit/push-providers/fcm'
import { startApnsFake, startFcmFake, startWebhookFake, startWebPushFake } from '@smpkit/push-providers/testing'
import { generateVapidKeys, webPushProvider } from '@smpkit/push-providers/webpush'
import { addressPolicy } from '@smpkit/smp-commands/address'
import { onTestFinished } from 'vitest'
import { loopback } from './in-process.js'

/** What a far end does with a push: `busy` is 503, `hang` no answer, `gone` the provider's word for a dead device token. */
export type FarAnswer = 'accepted' | 'busy' | 'hang' | 'gone'

export interface FarEnd {
  readonly name: string
  readonly provider: PushProvider
  /** Its device token. */
  device(name: string): unknown
  /** Of one device, in their order, also what was not accepted. */
  of(device: string): readonly NotificationData[]
  /** How many came, for all devices. */
  count(): number
  /** From now on. */
  answer(decide: (device: string) => FarAnswer): void
}

export interface FarEndOptions {
  /** Of one push, in milliseconds. */
  readonly timeout?: number
  /** Certificates to trust instead of those of the far end. */
  readonly ca?: string
}

interface Received {
  readonly device: string
  readonly notificationData: NotificationData
}

/** What a far end has seen so far: each push is read once, and one that came in part does not count. */
function received<T>(seen: readonly T[], read: (one: T) => Received): Pick<FarEnd, 'of' | 'count'> {
  const devices = new Map<string, NotificationData[]>()
  let taken = 0
  let count = 0
  const take = () => {
    for (const one of seen.slice(taken)) {
      taken++
      try {
        const { device, notificationData } = read(one)
        devices.set(device, [...(devices.get(device) ?? []), notificationData])
        count++
      } catch {}
    }
  }
  return {
    of(device) {
      take()
      return devices.get(device) ?? []
    },
    count() {
      take()
      return count
    },
  }
}

const later = Date.parse('2100-01-01')

export async function apns({ timeout = 5000, ca }: FarEndOptions = {}) {
  const fake = await startApnsFake()
  const timeouts = { connect: timeout, request: timeout }
  const provider = apnsProvider({ name: 'apns_test', ...fake.options, ...(ca && { ca }), timeouts })
  cleanUp(provider, fake)
  const end: FarEnd = {
    name: 'apns_test',
    provider,
    device: (name) => toHex(new TextEncoder().encode(name.padEnd(32))),
    ...received(fake.pushes, ({ token, body }) => ({ device: nameOf(token), ...JSON.parse(body) })),
    answer(decide) {
      const answers = {
        accepted: 'accepted',
        busy: { status: 503, reason: 'ServiceUnavailable' },
        hang: 'hang',
        gone: { status: 410, reason: 'Unregistered', timestamp: later },
      } as const
      fake.answer(({ token }) => answers[decide(nameOf(token))])
    },
  }
  return { end, fake }
}

const nameOf = (token: string): string => Buffer.from(token, 'hex').toString().trimEnd()

export async function fcm({ timeout = 5000, ca }: FarEndOptions = {}) {
  const fake = await startFcmFake()
  const provider = fcmProvider({ ...fake.options, ...(ca && { ca }), timeoutMs: timeout })
  cleanUp(provider, fake)
  const end: FarEnd = {
    name: 'fcm',
    provider,
    device: (name) => name,
    ...received(fake.pushes, ({ token, data }) => ({
      device: token,
      notificationData: fromTexts(data as Readonly<Record<string, string>>),
    })),
    answer(decide) {
      const answers = {
        accepted: 'accepted',
        // Without this FCM is left alone for longer.
        busy: { status: 503, errorCode: 'UNAVAILABLE', retryAfter: '1' },
        hang: 'hang',
        gone: { status: 404, errorCode: 'UNREGISTERED' },
      } as const
      fake.answer(({ token }) => answers[decide(token)])
    },
  }
  return { end, fake }
}

function fromTexts(data: Readonly<Record<string, string>>): NotificationData {
  const entries = Object.entries(data).map(([name, value]) => [name, value === 'true' ? true : value])
  return Object.fromEntries(entries) as NotificationData
}

const statuses = { accepted: 'accepted', busy: { status: 503 }, hang: 'hang', gone: { status: 410 } } as const

export async function webhook({ timeout = 5000, ca }: FarEndOptions = {}) {
  const fake = await startWebhookFake()
  const allowAddress = addressPolicy({ allow: loopback })
  const provider = webhookProvider({ ca: ca ?? fake.ca, allowAddress, timeout })
  cleanUp(provider, fake)
  return { end: endpointEnd('webhook', provider, fake), fake }
}

export async function webPush({ timeout = 5000, ca }: FarEndOptions = {}) {
  const fake = await startWebPushFake()
  const allowAddress = addressPolicy({ allow: loopback })
  const vapid = { ...generateVapidKeys(), subject: 'mailto:operator@example.com' }
  const provider = webPushProvider({ vapid, ca: ca ?? fake.ca, allowAddress, timeout })
  cleanUp(provider, fake)
  return { end: endpointEnd('webpush', provider, fake), fake }
}

function endpointEnd(
  name: string,
  provider: PushProvider,
  fake: {
    readonly received: readonly { readonly device: string; readonly body: string }[]
    device(name: string): unknown
    answer(decide: (received: { readonly device: string }) => (typeof statuses)[FarAnswer]): void
  },
): FarEnd {
  return {
    name,
    provider,
    device: (one) => fake.device(one),
    ...received(fake.received, ({ device, body }) => ({ device, ...JSON.parse(body) })),
    answer: (decide) => fake.answer(({ device }) => statuses[decide(device)]),
  }
}

function cleanUp(...closed: readonly { close(): Promise<void> }[]): void {
  onTestFinished(async () => {
    for (const one of closed) await one.close()
  })
}
