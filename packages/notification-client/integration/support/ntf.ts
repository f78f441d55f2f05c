// The notification servers of these tests: NTF_SERVER (and NTF_SERVER_2) with the log of its APNs, or embedded ones.
import {
  createNotificationServer,
  guardedConnect,
  memoryStore,
  type NotificationServer,
  type NotificationServerOptions,
  type NotificationStore,
  type SubscriptionRow,
  type TokenRow,
} from '@smpkit/notification-server'
import { type NtfDoorOptions, ntfDoor } from '@smpkit/notification-server/ntf'
import { ntfAddressToText, ntfPortOf, type ProviderName, parseNtfAddress, providerName } from '@smpkit/ntf-protocol'
import { apnsProvider, nullProvider } from '@smpkit/push-providers/apns'
import { type ApnsFake, type ApnsLog, logOfFakes, logOfFile, startApnsFake } from '@smpkit/push-providers/testing'
import { parseHost, type ServerAddress } from '@smpkit/smp-commands/address'
import { startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, onTestFinished, type TestContext } from 'vitest'
import { type Front, startFront } from './front.js'

type RunOptions = Partial<NotificationServerOptions> & Partial<Pick<NtfDoorOptions, 'testProvider'>>

/** Servers of both protocols have the same kind. */
async function newIdentity(): Promise<NtfDoorOptions['identity']> {
  await using smp = await startSmpServer()
  return smp.identity
}

/** What its process leaves is taken up by the next one. */
export class EmbeddedNtf {
  readonly #fake: ApnsFake
  #identity: NtfDoorOptions['identity'] | undefined
  #port = 0
  #server: NotificationServer | undefined
  store: NotificationStore = memoryStore()
  address: ServerAddress | undefined

  constructor(fake: ApnsFake) {
    this.#fake = fake
  }

  get server(): NotificationServer {
    if (!this.#server) throw new Error('expected a notification server that runs')
    return this.#server
  }

  async start({ testProvider = true, ...options }: RunOptions = {}): Promise<this> {
    this.#identity ??= await newIdentity()
    const door = ntfDoor({ identity: this.#identity, host: '127.0.0.1', port: this.#port, testProvider })
    this.#server = await createNotificationServer({
      smp: {
        connect: guardedConnect({ allow: ['127.0.0.0/8'] }),
        reconnect: { firstDelay: 20, maxDelay: 100 },
      },
      store: this.store,
      providers: [apnsProvider({ name: 'apns_test', ...this.#fake.options }), nullProvider('apns_null')],
      doors: [door],
      ...options,
      limits: { checkSpread: 0, retryFirst: 20, retryLongest: 100, maintenanceEvery: 100, ...options.limits },
    })
    this.address = door.address()
    this.#port = ntfPortOf(this.address)
    return this
  }

  async stop(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }

  async restart(options?: RunOptions): Promise<void> {
    await this.stop()
    await this.start(options)
  }

  /** Starts again, with nothing of what was stored. */
  async wipe(): Promise<void> {
    await this.stop()
    this.store = memoryStore()
    await this.start()
  }

  /** Of all devices, or of one. */
  async tokens(deviceToken?: string): Promise<readonly TokenRow[]> {
    const rows = await this.store.page('tokens', { after: '', limit: 1000 })
    return rows.filter((row) => deviceToken === undefined || row.deviceToken === deviceToken)
  }

  subscriptions(): Promise<readonly SubscriptionRow[]> {
    return this.store.page('subscriptions', { after: '', limit: 1000 })
  }

  async changeTokens(change: Partial<TokenRow>): Promise<void> {
    const tokens = (await this.tokens()).map((row) => ({ ...row, ...change }))
    await this.store.atomic({}, () => ({ changes: { tokens }, result: undefined }))
  }

  async changeSubscriptions(change: Partial<SubscriptionRow>): Promise<void> {
    const subscriptions = (await this.subscriptions()).map((row) => ({ ...row, ...change }))
    await this.store.atomic({}, () => ({ changes: { subscriptions }, result: undefined }))
  }
}

/** A server as its clients see it: what they know leads to `front`. */
export interface Ntf {
  /** `ntf://…` */
  readonly address: string
  readonly front: Front
  readonly log: ApnsLog
  /** The provider of devices of tests. */
  readonly provider: ProviderName
  /** Skips the test where the server is another one. `why`: what is needed of it. */
  embedded(context: TestContext, why: string): EmbeddedNtf
}

export interface NtfTarget {
  /** One for a test: a new one, or `NTF_SERVER`. */
  one(): Promise<Ntf>
  /** Two of them. Skips the test where there is only one. */
  two(context: TestContext): Promise<[Ntf, Ntf]>
  /** The far end of the embedded ones. Skips the test where there is none. */
  fake(context: TestContext): ApnsFake
}

export function useNtf(): NtfTarget {
  const { NTF_SERVER, NTF_SERVER_2, APNS_LOG, NTF_PROVIDER = 'AT' } = process.env
  if (NTF_SERVER_2 && !NTF_SERVER) throw new Error('NTF_SERVER_2 needs NTF_SERVER')
  if (NTF_SERVER) {
    if (!APNS_LOG) throw new Error('NTF_SERVER needs APNS_LOG, the file of what its APNs is given')
    const log = logOfFile(APNS_LOG)
    const tag = NTF_PROVIDER as 'AT' | 'AP' | 'AD'
    const far = (text: string): Promise<Ntf> =>
      ntfBehindFront(parseNtfAddress(text), {
        log,
        provider: providerName(tag),
        embedded(context, why) {
          context.skip(`needs an embedded server: ${why}`)
          throw new Error('expected the test to be skipped')
        },
      })
    return {
      one: () => far(NTF_SERVER),
      async two(context) {
        if (!NTF_SERVER_2) context.skip('needs NTF_SERVER_2')
        return Promise.all([far(NTF_SERVER), far(NTF_SERVER_2 ?? '')])
      },
      fake(context) {
        context.skip('needs an embedded server: what its APNs answers')
        throw new Error('expected the test to be skipped')
      },
    }
  }

  let fake: ApnsFake | undefined
  beforeAll(async () => {
    fake = await startApnsFake()
  })
  afterAll(() => fake?.close())
  const ofFile = (): ApnsFake => {
    if (!fake) throw new Error('expected the fake of a file that runs')
    return fake
  }
  async function one(): Promise<Ntf> {
    const embedded = await new EmbeddedNtf(ofFile()).start()
    onTestFinished(() => embedded.stop())
    const log = logOfFakes([ofFile()])
    return ntfBehindFront(embedded.address as ServerAddress, { log, provider: 'apns_test', embedded: () => embedded })
  }
  return { one, two: async () => [await one(), await one()], fake: ofFile }
}

async function ntfBehindFront(address: ServerAddress, ntf: Omit<Ntf, 'address' | 'front'>): Promise<Ntf> {
  const [host] = address.hosts
  const front = await startFront({ host: host?.text ?? '', port: ntfPortOf(address) })
  onTestFinished(() => front.close())
  const here: ServerAddress = { ...address, hosts: [parseHost('127.0.0.1')], port: String(front.port) }
  return { ...ntf, address: ntfAddressToText(here), front }
}
