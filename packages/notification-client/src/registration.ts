// Spec 30 §5, 23 §4: the device's token at the notification server, until it is active, and whenever it is not any more.
import { toBase64url } from '@smpkit/encoding'
import { encodeRequest, newId, ServiceStatusError } from '@smpkit/service-protocol'
import type { TokenState } from '@smpkit/service-protocol/notification'
import { devicePublicKey, freshDevice, isSameDevice, openDevicePush, requireSecret } from './device-secret.js'
import { NotificationClientError } from './errors.js'
import type { ServiceConnection } from './service-connection.js'
import type { Device, DeviceRecord, Records } from './state.js'

export interface RegistrationOptions {
  readonly records: Records
  readonly connection: ServiceConnection
  /** How often the device is to be told to look, in minutes; 0: never. */
  readonly periodMinutes: number
  readonly signal: AbortSignal
}

/** The id in `/ntf/tokens/…` or `/ntf/subscriptions/…`. */
export const idOf = (resource: string): string => resource.slice(resource.lastIndexOf('/') + 1)

const isStatus = (error: unknown, ...statuses: readonly string[]): boolean =>
  error instanceof ServiceStatusError && statuses.includes(error.status)

/** Where it is not known any more, as after the server's database was lost. */
export const isUnknown = (error: unknown): boolean => isStatus(error, 'not_found', 'gone')

export class Registration {
  readonly #options: RegistrationOptions
  #record: DeviceRecord | undefined
  #turn: Promise<void> = Promise.resolve()

  private constructor(options: RegistrationOptions, record: DeviceRecord | undefined) {
    this.#options = options
    this.#record = record
  }

  static async restore(options: RegistrationOptions): Promise<Registration> {
    return new Registration(options, await options.records.device.get())
  }

  get record(): DeviceRecord | undefined {
    return this.#record
  }

  /** From now on pushes are to go there. */
  async setDevice(device: Device): Promise<void> {
    await this.#change((before) => {
      if (!before) return freshDevice(device)
      return isSameDevice(before.device, device) ? before : { ...before, device, isActive: false }
    })
  }

  /** The server knows nothing of us any more: a new registration follows, with another key. */
  async startAnew(): Promise<void> {
    await this.#change((before) => before && freshDevice(before.device, before))
    await this.#options.records.push.remove()
  }

  async remove(): Promise<void> {
    const { records } = this.#options
    await records.push.remove()
    await records.device.remove()
    this.#record = undefined
  }

  /** The request that ends it, for a connection that is about to be left. */
  farewell(): Uint8Array | null {
    const id = this.#record?.token?.id
    return id === undefined ? null : encodeRequest({ id: newId(), method: 'delete', resource: `/ntf/tokens/${id}` })
  }

  /** Brings the server to what is wanted, as far as that goes without a push. @throws ServiceStatusError, ServiceClientError */
  async advance(): Promise<void> {
    if (!this.#record) return
    if (this.#record.token === null) await this.#register(this.#record)
    else if (!isSameDevice(this.#record.token.device, this.#record.device)) await this.#replace(this.#record)
    await this.#verify()
    await this.#setPeriod()
  }

  /** What the server says; a token that is not what it should be is registered again. `undefined` without one. */
  async check(): Promise<TokenState | undefined> {
    const record = this.#record
    if (!record?.token) return undefined
    const { id } = record.token
    try {
      const { data } = await this.#ask((ask, options) =>
        ask('get', '/ntf/tokens/:id', undefined, { params: { id }, ...options }),
      )
      const isActive = data.status === 'active'
      if (isActive !== record.isActive) await this.#set({ isActive })
      if (data.status === 'invalid' || data.status === 'expired') await this.#register(record)
      return data
    } catch (error) {
      if (!isUnknown(error)) throw error
      await this.forget()
      return undefined
    }
  }

  /** The server has no such token: the same device is registered again, with the same key. */
  async forget(): Promise<void> {
    await this.#set({ token: null, isActive: false })
  }

  /** Asks for another push with the code, where the last one did not come. */
  async remind(): Promise<void> {
    if (this.#record?.token && !this.#record.isActive) await this.#register(this.#record)
  }

  async #register(record: DeviceRecord): Promise<void> {
    const { device } = record
    const request = { ...device, dhKey: devicePublicKey(record) }
    try {
      const { data } = await this.#ask((ask, options) => ask('post', '/ntf/tokens', request, options))
      const token = { id: idOf(data.resource), dhKey: data.dhKey, device }
      requireSecret({ ...record, token })
      const isActive = data.status === 'active'
      await this.#set({ token, isActive, period: isActive ? record.period : 0 })
    } catch (error) {
      // The same device with another key: of a state that is lost. A new connection owns nothing, and takes over when it is verified.
      if (isStatus(error, 'conflict')) await this.#options.connection.lose()
      throw error
    }
  }

  async #replace(record: DeviceRecord): Promise<void> {
    const { token, device } = record
    if (!token) return
    const params = { id: token.id }
    try {
      await this.#ask((ask, options) => ask('put', '/ntf/tokens/:id', device, { params, ...options }))
      await this.#set({ token: { ...token, device }, isActive: false, period: 0 })
    } catch (error) {
      if (isUnknown(error)) return this.forget()
      if (isStatus(error, 'conflict')) await this.#options.connection.lose()
      throw error
    }
  }

  /** Sends back the code of the last verification push. */
  async #verify(): Promise<void> {
    const { records } = this.#options
    const record = this.#record
    const pushed = await records.push.get()
    if (!record?.token || pushed === undefined) return
    const params = { id: record.token.id }
    try {
      const opened = openDevicePush(record, pushed)
      if (opened?.kind === 'verification') {
        const code = toBase64url(opened.code)
        await this.#ask((ask, options) => ask('put', '/ntf/tokens/:id/verification', { code }, { params, ...options }))
        await this.#set({ isActive: true })
      }
    } catch (error) {
      // An old code: the push with the new one is on its way.
      const isOld = isStatus(error, 'forbidden') || (error instanceof NotificationClientError && error.code === 'PUSH')
      if (isUnknown(error)) await this.forget()
      else if (!isOld) throw error
    }
    await this.#dropPush(pushed)
  }

  /** Unless another one came meanwhile. */
  async #dropPush(pushed: unknown): Promise<void> {
    const { push } = this.#options.records
    if (JSON.stringify(await push.get()) === JSON.stringify(pushed)) await push.remove()
  }

  async #setPeriod(): Promise<void> {
    const { periodMinutes: minutes } = this.#options
    const record = this.#record
    if (!record?.token || !record.isActive || record.period === minutes) return
    const params = { id: record.token.id }
    try {
      await this.#ask((ask, options) => ask('put', '/ntf/tokens/:id/periodic', { minutes }, { params, ...options }))
      await this.#set({ period: minutes })
    } catch (error) {
      if (!isUnknown(error)) throw error
      await this.forget()
    }
  }

  #ask<T>(attempt: Parameters<typeof ServiceConnection.prototype.ask<T>>[1]): Promise<T> {
    return this.#options.connection.ask(this.#options.signal, attempt)
  }

  #set(fields: Partial<DeviceRecord>): Promise<void> {
    return this.#change((before) => before && { ...before, ...fields })
  }

  /** One after the other: a new device may be told while an answer is waited for. */
  #change(change: (before: DeviceRecord | undefined) => DeviceRecord | undefined): Promise<void> {
    const turn = this.#turn.then(async () => {
      const record = change(this.#record)
      if (!record || record === this.#record) return
      await this.#options.records.device.put(record)
      this.#record = record
    })
    this.#turn = turn.catch(() => {})
    return turn
  }
}
