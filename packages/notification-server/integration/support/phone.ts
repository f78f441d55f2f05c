// The client's side: an agent that has joined the contact address, one token for webhooks, and the pushes to it.
import { openMemoryStore } from '@smpkit/agent-store'
import { PrivateKey, PublicKey } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import { type OpenedPush, openPush, tokenSecret } from '@smpkit/push-providers/payload'
import type { WebhookFake } from '@smpkit/push-providers/testing'
import { createClient, type ServiceClient } from '@smpkit/service-protocol'
import { type NotificationService, notificationService } from '@smpkit/service-protocol/notification'
import { openAgent, type SmpAgent } from '@smpkit/smp-agent'
import type { Queue } from './queues.js'

const reconnect = { firstDelay: 20, maxDelay: 200 }
const retry = { fast: { first: 50, growAfter: 1000, max: 500 } }
/** A server that is killed again and again answers late. */
const timeout = 120_000

export interface PhoneOptions {
  readonly name: string
  /** Of the notification server's contact address. */
  readonly link: string
  /** Where the phone makes its queue. */
  readonly smp: string
  readonly pushes: WebhookFake
}

export class Phone {
  readonly #key = PrivateKey.generate('x25519')
  #secret: Uint8Array = new Uint8Array()
  token = ''

  private constructor(
    readonly options: PhoneOptions,
    readonly agent: SmpAgent,
    readonly client: ServiceClient<NotificationService>,
  ) {}

  /** Settles when the server has let it in. */
  static async connect(options: PhoneOptions): Promise<Phone> {
    const agent = await openAgent({ store: openMemoryStore(), servers: [options.smp], pool: { reconnect }, retry })
    const connection = await agent.join(options.link, { info: new Uint8Array() })
    const client = createClient(
      notificationService,
      { send: (bytes) => agent.send(connection, bytes, { notification: false }).then(() => {}) },
      { timeout },
    )
    await new Promise<void>((resolve) => {
      void (async () => {
        for await (const event of agent.events()) {
          if (event.type === 'confirmation') await agent.allow(event.connection, new Uint8Array())
          if (event.type === 'connected') resolve()
          if (event.type === 'message') client.receive(event.body)
          await event.ack()
        }
      })()
    })
    return new Phone(options, agent, client)
  }

  get name(): string {
    return this.options.name
  }

  /** What `s.post /ntf/tokens` takes. */
  get tokenRequest() {
    const { pushes, name } = this.options
    return { provider: 'webhook', token: pushes.device(name), dhKey: toBase64url(this.#key.publicKey.toDer()) } as const
  }

  /** Of a token that was answered to the request. */
  useToken({ resource, dhKey }: { readonly resource: string; readonly dhKey: string }): void {
    this.token = resource.slice('/ntf/tokens/'.length)
    this.#secret = tokenSecret(this.#key, PublicKey.fromDer(fromBase64url(dhKey)) as PublicKey<'x25519'>)
  }

  /** Registers, and sends back the code that was pushed. */
  async register(): Promise<this> {
    this.useToken((await this.client.request('post', '/ntf/tokens', this.tokenRequest)).data)
    await this.verify()
    return this
  }

  async verify(): Promise<void> {
    const push = await this.next(({ kind }) => kind === 'verification')
    if (push.kind !== 'verification') throw new Error('expected a verification push')
    const code = toBase64url(push.code)
    await this.client.request('put', '/ntf/tokens/:id/verification', { code }, { params: { id: this.token } })
  }

  /** All at once. */
  async subscribe(queues: readonly Queue[]): Promise<void> {
    const requests = queues.map(({ subscription }) => ({ ...subscription, token: { id: this.token } }))
    const { data } = await this.client.request('post', '/ntf/subscriptions', requests)
    const wrong = (data as readonly { status: string }[]).filter(({ status }) => status !== 'created')
    if (wrong.length > 0) throw new Error(`expected created, got ${wrong.map(({ status }) => status)}`)
  }

  open(body: string): OpenedPush {
    return openPush(this.#secret, JSON.parse(body).notificationData)
  }

  /** What was pushed to it so far, accepted or not. */
  received(): OpenedPush[] {
    return this.options.pushes.received.filter(({ device }) => device === this.name).map(({ body }) => this.open(body))
  }

  /** The first push like this one of those after the first `from`. */
  async next(isIt: (push: OpenedPush) => boolean, from = 0): Promise<OpenedPush> {
    for (;;) {
      const found = this.received().slice(from).find(isIt)
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async close(): Promise<void> {
    this.client.close()
    await this.agent.close()
  }
}
