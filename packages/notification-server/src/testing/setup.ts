// A notification server between fakes, and the device's side of a token.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { Push } from '@smpkit/push-providers'
import { type OpenedPush, openPush, tokenSecret } from '@smpkit/push-providers/payload'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { onTestFinished } from 'vitest'
import { memoryStore } from '../memory-store.js'
import type { PushReport } from '../push-sender.js'
import { createNotificationServer, type NotificationServer, type NotificationServerOptions } from '../server.js'
import type { NotificationStore } from '../store.js'
import { FakeProvider, FakeSubscriber, serverOf } from './fakes.js'
import { ManualClock, settled } from './manual-clock.js'

export const addressText = (host = 'smp.example.com', fill = 7) =>
  `smp://${Buffer.alloc(32, fill).toString('base64').replaceAll('+', '-').replaceAll('/', '_')}@${host}`
export const address = (host?: string, fill?: number): ServerAddress =>
  parseServerAddress(addressText(host, fill), 'smp')

export interface Setup {
  readonly server: NotificationServer
  readonly subscriber: FakeSubscriber
  readonly provider: FakeProvider
  readonly clock: ManualClock
  readonly store: NotificationStore
  readonly reports: PushReport[]
}

export async function setUp(
  options: Partial<NotificationServerOptions> & { clock?: ManualClock } = {},
): Promise<Setup> {
  const subscriber = new FakeSubscriber()
  const provider = new FakeProvider()
  const clock = options.clock ?? new ManualClock()
  const store = options.store ?? memoryStore()
  const reports: PushReport[] = []
  const server = await createNotificationServer({
    subscriber,
    providers: [provider],
    random: () => 0.5,
    onPush: (report) => reports.push(report),
    ...options,
    store,
    clock,
  })
  onTestFinished(async () => {
    // A server whose store died never closes.
    if (!options.store || options.store === store) await Promise.race([server.close(), settled().then(settled)])
  })
  return { server, subscriber, provider, clock, store, reports }
}

/** A device of an owner: it registers, and opens pushes. */
export class Device {
  readonly key = PrivateKey.generate('x25519')
  id = ''
  #secret: Uint8Array = new Uint8Array()

  constructor(
    readonly owner = 'owner',
    public token = `token of ${owner}`,
    readonly provider = 'fake',
    readonly ntf = false,
  ) {}

  async register({ server }: Pick<Setup, 'server'>): Promise<this> {
    const { owner, provider, token, ntf } = this
    const added = await server.tokens.add({ owner, provider, token, ntf, dhKey: this.key.publicKey })
    this.id = added.id
    this.#secret = tokenSecret(this.key, added.dhKey)
    await settled()
    return this
  }

  /** Registers, and sends back the code that was pushed. */
  async activate(setup: Setup): Promise<this> {
    await this.register(setup)
    await this.verify(setup)
    setup.provider.pushes.length = 0
    setup.reports.length = 0
    return this
  }

  /** The code in the last push. */
  code(pushes: readonly Push[]): Uint8Array {
    const opened = this.open(pushes).at(-1)
    if (opened?.kind !== 'verification') throw new Error('expected a verification push')
    return opened.code
  }

  /** Sends back the code in the last push. */
  async verify({ server, provider }: Pick<Setup, 'server' | 'provider'>): Promise<void> {
    await server.tokens.verify({ owner: this.owner, id: this.id, code: this.code(provider.pushes) })
    await settled()
  }

  /** The device gets another push token. */
  async replace({ server }: Pick<Setup, 'server'>, token: string): Promise<void> {
    const { owner, id, provider } = this
    await server.tokens.replace({ owner, id, provider, token })
    this.token = token
    await settled()
  }

  open(pushes: readonly Push[]): OpenedPush[] {
    return pushes
      .filter(({ token }) => token === this.token)
      .map((push) => openPush(this.#secret, push.notificationData))
  }

  /** The first byte of the notifier id of each item, push by push. */
  queues(pushes: readonly Push[]): string[] {
    return this.open(pushes).map((push) =>
      push.kind === 'message' ? push.items.map(({ notifierId }) => notifierId[0]).join() : push.kind,
    )
  }
}

/** A queue with a notifier, told apart by the first byte of its id. */
export class Queue {
  readonly notifierId: Uint8Array
  readonly notifierKey = PrivateKey.generate('ed25519')

  constructor(
    readonly number: number,
    readonly server = address(),
  ) {
    this.notifierId = randomBytes(24)
    this.notifierId[0] = number
  }

  get hex(): string {
    return toHex(this.notifierId)
  }

  add(setup: Pick<Setup, 'server'>, device: Device, wait?: number) {
    const { server, notifierId, notifierKey } = this
    const given = { owner: device.owner, server, notifierId, notifierKey, token: device.id }
    return setup.server.subscriptions.add(wait === undefined ? given : { ...given, wait })
  }

  notification() {
    const server = serverOf(this.server)
    return {
      type: 'notification' as const,
      server,
      notifierId: this.notifierId,
      nonce: randomBytes(24),
      encMeta: randomBytes(144),
    }
  }

  event<T extends 'subscribed' | 'ended' | 'deleted'>(type: T) {
    return { type, server: serverOf(this.server), notifierId: this.notifierId, serviceId: null }
  }

  refused(code: string) {
    return { type: 'refused' as const, server: serverOf(this.server), notifierId: this.notifierId, code }
  }
}

export const up = (server = address()) => ({ type: 'up' as const, server: serverOf(server), serviceId: null })
export const down = (orderly: boolean, server = address()) => ({
  type: 'down' as const,
  server: serverOf(server),
  orderly,
  reason: 'connection',
})
export const allAnswered = (server = address()) => ({ type: 'settled' as const, server: serverOf(server) })

/** An active device with queues 1, 2, … */
export async function withQueues(count: number, options?: Parameters<typeof setUp>[0], of = new Device()) {
  const setup = await setUp(options)
  const device = await of.activate(setup)
  const queues = Array.from({ length: count }, (_, i) => new Queue(i + 1))
  setup.subscriber.emit(up())
  for (const queue of queues) await queue.add(setup, device)
  const notify = async (...numbers: number[]) => {
    setup.subscriber.emit(...numbers.map((number) => (queues[number - 1] as Queue).notification()))
    await settled()
  }
  return { ...setup, setup, device, queues, notify }
}
