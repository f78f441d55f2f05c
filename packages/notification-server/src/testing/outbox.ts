// An outbox over a store in memory, and a provider whose answers a test decides.
import type { Push, PushOutcome, PushProvider } from '@smpkit/push-providers'
import { onTestFinished } from 'vitest'
import { notification, owed, token, write } from '../conformance-support.js'
import { defaultLimits, type Limits } from '../limits.js'
import { silent } from '../logger.js'
import { memoryStore } from '../memory-store.js'
import { Outbox } from '../outbox.js'
import type { NotificationStore } from '../store.js'
import { FakeProvider } from './fakes.js'
import { ManualClock, settled } from './manual-clock.js'

export const busy = { outcome: 'retry', afterMs: 0, reason: 'http-503' } as const
export const refusedKey = { outcome: 'retry', afterMs: 60_000, reason: 'credentials', all: true } as const

/** Its destinations are what stands before a slash in device tokens, if it has any. */
export class ScriptedProvider extends FakeProvider {
  readonly destinationOf?: (token: string) => string
  /** Of each destination, at once, and the most of them. */
  readonly inFlightTo = new Map<string, { now: number; most: number }>()
  readonly accepted: Push[] = []

  constructor(
    readonly answer: (push: Push, destination: string) => PushOutcome | 'hang' | Promise<PushOutcome>,
    { name = 'fake', maxConcurrent = 16, destinations = false } = {},
  ) {
    super(name, maxConcurrent)
    if (destinations) this.destinationOf = destinationOf
  }

  override async send(push: Push, { signal }: { readonly signal: AbortSignal }): Promise<PushOutcome> {
    const destination = destinationOf(push.token)
    const count = this.inFlightTo.get(destination) ?? { now: 0, most: 0 }
    this.inFlightTo.set(destination, count)
    count.now++
    count.most = Math.max(count.most, count.now)
    signal.addEventListener('abort', () => count.now--)
    this.pushes.push(push)
    const answer = this.answer(push, destination)
    const outcome = answer === 'hang' ? await new Promise<never>(() => {}) : await answer
    count.now--
    if (outcome.outcome === 'accepted') this.accepted.push(push)
    return outcome
  }
}

const destinationOf = (token: string): string => token.split('/')[0] ?? ''

export const accept = (): PushOutcome => ({ outcome: 'accepted' })

/** An active token for each device token, with a queue that is notified and a push that is owed. */
export async function oweAll(
  store: NotificationStore,
  clock: ManualClock,
  devices: readonly string[],
  provider = 'fake',
): Promise<void> {
  const now = clock.now()
  const expiresAt = now + 90 * 86_400_000
  await write(store, {
    tokens: devices.map((deviceToken) => token(deviceToken, { deviceToken, provider, expiresAt })),
    notifications: devices.map((device, i) => notification(`queue of ${device}`, i + 1, device)),
    outbox: devices.map((device) => owed(device, { kind: 'message', provider, createdAt: now, dueAt: now })),
  })
}

export const devicesOf = (destination: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${destination}/${i}`)

export async function openOutbox(
  providers: readonly PushProvider[],
  options: { readonly store?: NotificationStore; readonly clock?: ManualClock; readonly limits?: Partial<Limits> } = {},
) {
  const { store = memoryStore(), clock = new ManualClock() } = options
  const limits = { ...defaultLimits, ...options.limits }
  const open = () =>
    new Outbox({ store, providers, clock, limits, logger: silent, random: () => 0.5, onPush: undefined })
  let outbox = open()
  // One whose store died never closes.
  onTestFinished(() => Promise.race([outbox.close(), settled()]))
  return {
    store,
    clock,
    get outbox() {
      return outbox
    },
    owe: (devices: readonly string[], provider = 'fake') => oweAll(store, clock, devices, provider),
    /** Takes up what is owed. */
    async start(): Promise<void> {
      await outbox.restore()
      await settled()
    },
    async restart(): Promise<void> {
      await outbox.close()
      outbox = open()
      await outbox.restore()
      await settled()
    },
    outboxRows: () => store.page('outbox', { limit: 10_000 }),
  }
}
