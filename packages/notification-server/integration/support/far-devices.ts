// Devices behind real providers, with queues of a stand-in for SMP servers.
import { PrivateKey } from '@smpkit/crypto'
import { type OpenedPush, openPush, tokenSecret } from '@smpkit/push-providers/payload'
import { onTestFinished } from 'vitest'
import { memoryStore } from '../../src/memory-store.js'
import { createNotificationServer, type NotificationServer, type NotificationServerOptions } from '../../src/server.js'
import { FakeSubscriber } from '../../src/testing/fakes.js'
import { Queue, up } from '../../src/testing/setup.js'
import type { FarEnd } from './far-ends.js'
import { until } from './in-process.js'

export interface Served {
  readonly server: NotificationServer
  readonly subscriber: FakeSubscriber
}

export async function serve(
  ends: readonly FarEnd[],
  options: Partial<NotificationServerOptions> = {},
): Promise<Served> {
  const subscriber = new FakeSubscriber()
  const server = await createNotificationServer({
    subscriber,
    store: memoryStore(),
    providers: ends.map(({ provider }) => provider),
    ...options,
    limits: { retryFirst: 20, retryLongest: 100, ...options.limits },
  })
  onTestFinished(() => server.close())
  subscriber.emit(up())
  return { server, subscriber }
}

/** One with an owner of its own, and one queue. */
export class FarDevice {
  readonly #key = PrivateKey.generate('x25519')
  readonly queue = new Queue(1)
  #secret: Uint8Array = new Uint8Array()
  readonly #opened: OpenedPush[] = []
  id = ''

  constructor(
    readonly end: FarEnd,
    readonly name: string,
  ) {}

  async register({ server }: Served): Promise<void> {
    const { name: owner, end } = this
    const given = { owner, provider: end.name, token: end.device(owner), dhKey: this.#key.publicKey }
    const added = await server.tokens.add(given)
    this.id = added.id
    this.#secret = tokenSecret(this.#key, added.dhKey)
  }

  /** Registers, verifies and subscribes. */
  async activate(served: Served): Promise<this> {
    await this.register(served)
    await this.verify(served)
    const { notifierId, notifierKey, server } = this.queue
    const given = { owner: this.name, server, notifierId, notifierKey, token: this.id }
    await served.server.subscriptions.add(given)
    return this
  }

  /** With the newest code. */
  async verify({ server }: Served): Promise<void> {
    const isCode = ({ kind }: OpenedPush) => kind === 'verification'
    await until(() => this.received().some(isCode))
    const push = this.received().findLast(isCode)
    if (push?.kind !== 'verification') throw new Error('expected a verification push')
    await server.tokens.verify({ owner: this.name, id: this.id, code: push.code })
  }

  received(): readonly OpenedPush[] {
    const data = this.end.of(this.name)
    for (const one of data.slice(this.#opened.length)) this.#opened.push(openPush(this.#secret, one))
    return this.#opened
  }

  get messages(): number {
    return this.received().filter(({ kind }) => kind === 'message').length
  }

  async status({ server }: Served): Promise<{ status: string; reason: string | null }> {
    const { status, reason } = await server.tokens.get({ owner: this.name, id: this.id })
    return { status, reason }
  }
}

export async function activeDevices(served: Served, end: FarEnd, count: number): Promise<FarDevice[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => new FarDevice(end, `${end.name.slice(0, 8)}${i}`).activate(served)),
  )
}

export function notify({ subscriber }: Served, devices: readonly FarDevice[]): void {
  subscriber.emit(...devices.map(({ queue }) => queue.notification()))
}

/** Nothing is owed any more. */
export async function allPushed({ server }: Served): Promise<void> {
  await until(async () => {
    const { pushes } = await server.status()
    return pushes.owed === 0 && pushes.inFlight === 0
  })
}
