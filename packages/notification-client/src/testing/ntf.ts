// Spec 20 §7–§12: a server of ntf:// without sockets that keeps the rules of a real one, and can be told to break them.
import { PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import { concat, toBase64url } from '@smpkit/encoding'
import {
  checkNtfAuthorization,
  type NtfClientEnd,
  type NtfClientOptions,
  type NtfCommand,
  type NtfResponse,
  type NtfServerEnd,
  type NtfSubscriptionStatus,
  type NtfTokenStatus,
  ntfVersions,
  packResponses,
  type ReceivedCommand,
  receiveCommands,
  writeResponse,
} from '@smpkit/ntf-protocol'
import { type NotificationData, tokenSecret, verificationData } from '@smpkit/push-providers/payload'
import type { BlockConnection } from '@smpkit/smp-commands'

type TokenCommand = Extract<NtfCommand, { tag: 'TNEW' }>
type QueueCommand = Extract<NtfCommand, { tag: 'SNEW' }>

export interface ScriptedToken {
  readonly id: Uint8Array
  readonly authKey: TokenCommand['authKey']
  readonly clientKey: PublicKey<'x25519'>
  readonly serverKey: PrivateKey<'x25519'>
  device: string
  code: Uint8Array
  status: NtfTokenStatus
  reason: 'BAD' | null
  minutes: number
}

export interface ScriptedSubscription {
  readonly id: Uint8Array
  readonly token: string
  /** Of the notifier. */
  readonly queue: string
  readonly key: string
  status: NtfSubscriptionStatus
}

const err = (code: 'AUTH' | 'QUOTA'): NtfResponse => ({ tag: 'ERR', error: { code } })
const ok: NtfResponse = { tag: 'OK' }
const may: readonly NtfTokenStatus[] = ['ACTIVE', 'INVALID', 'EXPIRED']

let servers = 0

export class ScriptedNtf {
  readonly address = `ntf://${toBase64url(new Uint8Array(32).fill(++servers))}@127.0.0.1`
  /** By their ids. */
  tokens = new Map<string, ScriptedToken>()
  subscriptions = new Map<string, ScriptedSubscription>()
  /** Tags of all commands. */
  asked: string[] = []
  /** How many commands each block had. */
  readonly blocks: number[] = []
  isAway = false
  /** Pushes are delivered. */
  isPushing = true
  /** To whoever has the device. */
  readonly devices = new Map<string, (data: NotificationData) => void>()
  /** What a command is answered with instead; `before`, `after`: the connection ends instead of an answer. */
  script: (command: NtfCommand) => NtfResponse | 'before' | 'after' | undefined = () => undefined
  #connections = new Set<() => void>()

  get ntf(): NtfClientOptions {
    return { connect: async (address) => this.#connect(address.keyHash[0]), reconnect: { firstDelay: 1, maxDelay: 1 } }
  }

  /** Its database is lost. */
  wipe(): void {
    this.tokens = new Map()
    this.subscriptions = new Map()
  }

  goAway(): void {
    this.isAway = true
    for (const end of this.#connections) end()
  }

  /** The only one. */
  get token(): ScriptedToken {
    const [token, ...others] = this.tokens.values()
    if (!token || others.length > 0) throw new Error(`expected one token, got ${this.tokens.size}`)
    return token
  }

  push({ device, serverKey, clientKey, code }: ScriptedToken): void {
    const data = verificationData(tokenSecret(serverKey, clientKey), code)
    if (this.isPushing) setImmediate(() => this.devices.get(device)?.(data))
  }

  #connect(number: number | undefined): BlockConnection<NtfClientEnd> {
    const server = number === undefined ? undefined : running.get(number)
    if (!server || server.isAway)
      throw Object.assign(new Error('expected a server, there is none'), { temporary: true })
    return server.#accept()
  }

  #accept(): BlockConnection<NtfClientEnd> {
    const sessionKey = PrivateKey.generate('x25519')
    const session = { version: ntfVersions.max, sessionId: randomBytes(32) } as Pick<
      NtfServerEnd,
      'version' | 'sessionId'
    >
    const answers: Uint8Array[] = []
    let wake = () => {}
    let isOpen = true
    let settle = () => {}
    const closed = new Promise<undefined>((resolve) => {
      settle = () => resolve(undefined)
    })
    const end = () => {
      isOpen = false
      this.#connections.delete(end)
      settle()
      wake()
    }
    this.#connections.add(end)
    const answer = (content: Uint8Array) => {
      const received = receiveCommands({ ...session, sessionKey } as NtfServerEnd, content)
      this.blocks.push(received.length)
      const transmissions: Uint8Array[] = []
      for (const one of received) {
        const response = this.#execute({ ...session, sessionKey }, one)
        if (!response) return end()
        transmissions.push(writeResponse(session, { ...one, response }))
      }
      answers.push(...packResponses(session.version, transmissions))
      wake()
    }
    return {
      session: { ...session, serverKey: sessionKey.publicKey },
      async send(content) {
        if (!isOpen) throw new Error('expected a connection that is open')
        const copy = content.slice()
        setImmediate(() => isOpen && answer(copy))
      },
      async close() {
        end()
      },
      closed,
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const next = answers.shift()
          if (next) yield next
          else if (!isOpen) return
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      },
      async [Symbol.asyncDispose]() {
        end()
      },
    }
  }

  #execute(end: NtfServerEnd, received: ReceivedCommand): NtfResponse | undefined {
    if ('error' in received) return { tag: 'ERR', error: received.error }
    const { command } = received
    this.asked.push(command.tag)
    const scripted = this.script(command)
    if (scripted === 'before') return undefined
    if (typeof scripted === 'object') return scripted
    const entity = toBase64url(received.entityId)
    const subscription = this.subscriptions.get(entity)
    const owner =
      command.tag === 'SNEW' ? toBase64url(command.tokenId) : command.tag[0] === 'S' ? subscription?.token : entity
    const token = this.tokens.get(owner ?? '')
    const key = command.tag === 'TNEW' ? command.authKey : token?.authKey
    const isOurs = checkNtfAuthorization(end, received, key)
    const response = isOurs ? this.#answer(command, token, subscription) : err('AUTH')
    return scripted === 'after' ? undefined : response
  }

  #answer(
    command: NtfCommand,
    token: ScriptedToken | undefined,
    subscription: ScriptedSubscription | undefined,
  ): NtfResponse {
    if (command.tag === 'TNEW') return this.#register(command)
    if (!token) return err('AUTH')
    switch (command.tag) {
      case 'TVFY':
        return this.#verify(token, command.code)
      case 'TCHK':
        return { tag: 'TKN', status: token.status, reason: token.reason }
      case 'TRPL':
        Object.assign(token, { device: text(command.token), code: randomBytes(32), status: 'REGISTERED' })
        this.push(token)
        return ok
      case 'TDEL':
        this.#delete(token)
        return ok
      case 'TCRN':
        if (command.minutes > 0 && command.minutes < 20) return err('QUOTA')
        token.minutes = command.minutes
        return ok
      case 'SNEW':
        return may.includes(token.status) ? this.#subscribe(command, token) : err('AUTH')
      case 'SCHK': {
        if (!subscription || !may.includes(token.status)) return err('AUTH')
        const { status } = subscription
        return { tag: 'SUB', status, errorText: status === 'ERR' ? new Uint8Array() : null }
      }
      case 'SDEL':
        if (!subscription || !may.includes(token.status)) return err('AUTH')
        this.subscriptions.delete(toBase64url(subscription.id))
        return ok
      default:
        return err('AUTH')
    }
  }

  #register(command: TokenCommand): NtfResponse {
    const device = text(command.token)
    const known = [...this.tokens.values()].find((one) => one.device === device && same(one.authKey, command.authKey))
    if (known && !same(known.clientKey, command.dhKey)) return err('AUTH')
    const token: ScriptedToken = known ?? {
      id: randomBytes(24),
      authKey: command.authKey,
      clientKey: command.dhKey,
      serverKey: PrivateKey.generate('x25519'),
      device,
      code: randomBytes(32),
      status: 'REGISTERED',
      reason: null,
      minutes: 0,
    }
    if (token.status !== 'ACTIVE') Object.assign(token, { status: 'REGISTERED', reason: null })
    this.tokens.set(toBase64url(token.id), token)
    this.push(token)
    return { tag: 'IDTKN', tokenId: token.id, dhKey: token.serverKey.publicKey }
  }

  #verify(token: ScriptedToken, code: Uint8Array): NtfResponse {
    if (toBase64url(code) !== toBase64url(token.code) || token.status === 'INVALID') return err('AUTH')
    token.status = 'ACTIVE'
    for (const other of this.tokens.values()) if (other !== token && other.device === token.device) this.#delete(other)
    return ok
  }

  #delete(token: ScriptedToken): void {
    const id = toBase64url(token.id)
    this.tokens.delete(id)
    for (const [one, subscription] of this.subscriptions) if (subscription.token === id) this.subscriptions.delete(one)
  }

  #subscribe({ server, notifierId, notifierKey }: QueueCommand, token: ScriptedToken): NtfResponse {
    const queue = toBase64url(concat(server.keyHash, notifierId))
    const key = toBase64url(notifierKey.toDer())
    const known = [...this.subscriptions.values()].find((one) => one.queue === queue)
    if (known && (known.token !== toBase64url(token.id) || known.key !== key)) return err('AUTH')
    const subscription = known ?? { id: randomBytes(24), token: toBase64url(token.id), queue, key, status: 'ACTIVE' }
    this.subscriptions.set(toBase64url(subscription.id), subscription)
    return { tag: 'IDSUB', subscriptionId: subscription.id }
  }

  constructor() {
    running.set(servers, this)
  }
}

/** By the number in their address. */
const running = new Map<number, ScriptedNtf>()

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const same = (one: { toDer(): Uint8Array }, other: { toDer(): Uint8Array }) =>
  toBase64url(one.toDer()) === toBase64url(other.toDer())
