// A notification server in the test's own process, with devices whose pushes arrive at once.
import { PrivateKey } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { consoleProvider, type Push } from '@smpkit/push-providers'
import { type OpenedPush, openPush, tokenSecret } from '@smpkit/push-providers/payload'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.js'
import { guardedConnect } from '../../src/guarded-connect.js'
import { memoryStore } from '../../src/memory-store.js'
import { createNotificationServer, type NotificationServer, type NotificationServerOptions } from '../../src/server.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import type { Queue } from './queues.js'

export const loopback = ['127.0.0.0/8', '::1']
export const owner = 'owner'

/** Reconnects at once, and may connect to loopback. */
export const quickSmp = {
  connect: guardedConnect({ allow: loopback }),
  reconnect: { firstDelay: 20, maxDelay: 100 },
} as const

/** In whole milliseconds, as the time of day is. */
export class WholeClock extends ManualClock {
  override now(): number {
    return Math.floor(super.now())
  }
}

/** The system's, set forward at will: what looks at the time of day again and again finds that it has come. */
export class JumpClock implements Clock {
  #ahead = 0

  now(): number {
    return systemClock.now() + this.#ahead
  }

  schedule(run: () => void, milliseconds: number): () => void {
    return systemClock.schedule(run, milliseconds)
  }

  jump(milliseconds: number): void {
    this.#ahead += milliseconds
  }
}

export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** What the provider `console` was given. */
export class Pushes {
  readonly all: Push[] = []
  readonly provider = consoleProvider({ write() {}, deliver: (push) => void this.all.push(push) })
}

export async function startServer(
  pushes: Pushes,
  options: Partial<NotificationServerOptions> = {},
): Promise<NotificationServer> {
  const server = await createNotificationServer({
    smp: quickSmp,
    store: memoryStore(),
    providers: [pushes.provider],
    ...options,
    limits: { checkSpread: 0, ...options.limits },
  })
  onTestFinished(() => server.close())
  return server
}

/** An active token, and what was pushed to it. */
export class Device {
  readonly #key = PrivateKey.generate('x25519')
  #secret: Uint8Array = new Uint8Array()
  id = ''

  constructor(
    readonly pushes: Pushes,
    readonly name = 'phone',
  ) {}

  async activate(server: NotificationServer): Promise<this> {
    const { publicKey: dhKey } = this.#key
    const added = await server.tokens.add({ owner, provider: 'console', token: this.name, dhKey })
    this.id = added.id
    this.#secret = tokenSecret(this.#key, added.dhKey)
    await until(() => this.received().some(({ kind }) => kind === 'verification'))
    const push = this.received().find(({ kind }) => kind === 'verification')
    if (push?.kind !== 'verification') throw new Error('expected a verification push')
    await server.tokens.verify({ owner, id: added.id, code: push.code })
    return this
  }

  received(): OpenedPush[] {
    return this.pushes.all
      .filter(({ token }) => token === this.name)
      .map(({ notificationData }) => openPush(this.#secret, notificationData))
  }

  get checks(): number {
    return this.received().filter(({ kind }) => kind === 'check').length
  }

  /** The keys of the queues that pushes named. */
  get named(): Set<string> {
    const items = this.received().flatMap((push) => (push.kind === 'message' ? push.items : []))
    return new Set(items.map(({ notifierId }) => toHex(notifierId)))
  }

  /** How many message pushes named the queue. */
  times({ key }: Queue): number {
    return this.received().filter(
      (push) => push.kind === 'message' && push.items.some(({ notifierId }) => toHex(notifierId) === key),
    ).length
  }

  subscribe(server: NotificationServer, smp: ServerAddress, { notifierId, notifierKey }: Queue, wait?: number) {
    const given = { owner, server: smp, notifierId, notifierKey, token: this.id }
    return server.subscriptions.add(wait === undefined ? given : { ...given, wait })
  }
}

export async function statuses(server: NotificationServer): Promise<string[]> {
  const { items } = await server.subscriptions.list({ owner, limit: 1000 })
  return items.map(({ status }) => status)
}
