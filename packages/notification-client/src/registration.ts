// Spec 30 §5, 23 §4: the device's token at the notification server, until it is active, and whenever it is not any more.
import { freshDevice, isSameDevice, openDevicePush, requireSecret } from './device-secret.js'
import { NotificationClientError } from './errors.js'
import { isRegistered, type Registered, type ServerSide, type TokenCheck } from './server-side.js'
import type { Device, DeviceRecord, Records } from './state.js'

export interface RegistrationOptions {
  readonly records: Records
  readonly server: ServerSide
  /** How often the device is to be told to look, in minutes; 0: never. */
  readonly period: () => number
}

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

  /** `undefined` until pushes of messages may come. */
  get active(): Registered | undefined {
    return isRegistered(this.#record) && this.#record.isActive ? this.#record : undefined
  }

  /** A push with a code is waited for. */
  get isWaiting(): boolean {
    const record = this.#record
    return isRegistered(record) && !record.isActive && isSameDevice(record.token.device, record.device)
  }

  /** From now on pushes are to go there. */
  async setDevice(device: Device): Promise<void> {
    await this.#change((before) => {
      if (!before) return freshDevice(device)
      return isSameDevice(before.device, device) ? before : { ...before, device, isActive: false }
    })
  }

  /** The server knows nothing of us any more: a new registration follows, with other keys. */
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

  /** Brings the server to what is wanted, as far as that goes without a push. @throws what ServerSide does */
  async advance(): Promise<void> {
    if (!this.#record) return
    if (!isRegistered(this.#record)) await this.#register(this.#record)
    else if (!isSameDevice(this.#record.token.device, this.#record.device)) await this.#replace(this.#record)
    await this.#verify()
  }

  /** What the server says; a token that is not what it should be is registered again. */
  async check(): Promise<TokenCheck | undefined> {
    const record = this.#record
    if (!isRegistered(record)) return undefined
    const check = await this.#options.server.check(record)
    const isActive = check.status === 'active'
    if (isActive !== record.isActive) await this.#set({ isActive })
    if (check.status === 'invalid' || check.status === 'expired') await this.#register(record)
    return check
  }

  /** Asks for another push with the code, where the last one did not come. */
  async remind(): Promise<void> {
    if (this.#record && this.isWaiting) await this.#register(this.#record)
  }

  async setPeriod(): Promise<void> {
    const { server, period } = this.#options
    const record = this.active
    const minutes = period()
    if (!record || record.period === minutes) return
    await server.setPeriod(record, minutes)
    await this.#set({ period: minutes })
  }

  async #register(record: DeviceRecord): Promise<void> {
    const { device } = record
    const { isActive, ...answer } = await this.#options.server.register(record)
    const token = { ...answer, device }
    requireSecret({ ...record, token })
    const isNew = record.token?.id !== token.id
    await this.#set({ token, isActive, period: isNew ? 0 : null })
  }

  async #replace(record: Registered): Promise<void> {
    const { token, device } = record
    await this.#options.server.replace(record, device)
    await this.#set({ token: { ...token, device }, isActive: false, period: null })
  }

  /** Sends back the code of the last verification push. */
  async #verify(): Promise<void> {
    const { records, server } = this.#options
    const record = this.#record
    const pushed = await records.push.get()
    if (!isRegistered(record) || pushed === undefined) return
    try {
      // What the former secret opens is the code of a former registration.
      const opened = openDevicePush({ ...record, formerSecret: null }, pushed)
      if (opened?.kind === 'verification' && (await server.verify(record, opened.code))) {
        await this.#set({ isActive: true })
      }
    } catch (error) {
      // Of another registration.
      if (!(error instanceof NotificationClientError && error.code === 'PUSH')) throw error
    }
    await this.#dropPush(pushed)
  }

  /** Unless another one came meanwhile. */
  async #dropPush(pushed: unknown): Promise<void> {
    const { push } = this.#options.records
    if (JSON.stringify(await push.get()) === JSON.stringify(pushed)) await push.remove()
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
