// Asks a notification server what has become of a phone's token and subscriptions, with the phone's keys and over a connection of its own.
import { type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { fromBase64url } from '@smpkit/encoding'
import { NtfClient, NtfReplyError } from '@smpkit/ntf-protocol'
import { onTestFinished } from 'vitest'
import { type DeviceRecord, Records } from '../../src/state.js'
import type { Phone } from './phone.js'

export async function recordOf({ state }: Pick<Phone, 'state'>): Promise<DeviceRecord> {
  const record = await new Records(state).device.get()
  if (!record) throw new Error('expected a device in the state')
  return record
}

export class Witness {
  readonly tokenId: string
  readonly #key: PrivateAuthKey
  readonly #client: NtfClient

  private constructor(address: string, { token, authKey }: DeviceRecord) {
    if (!token) throw new Error('expected a token that the server knows')
    this.tokenId = token.id
    this.#key = PrivateKey.fromDer(fromBase64url(authKey)) as PrivateAuthKey
    this.#client = new NtfClient(address)
    onTestFinished(() => this.#client.close())
  }

  /** Of the token that the phone has now. */
  static async of(phone: Phone): Promise<Witness> {
    return new Witness(phone.ntf.address, await recordOf(phone))
  }

  /** `ACTIVE`, `INVALID`, …; `ERR AUTH` where there is no such token. */
  token(): Promise<string> {
    return this.#ask({ tag: 'TCHK' }, this.tokenId)
  }

  /** `ACTIVE`, `END`, …; `ERR AUTH` where there is no such subscription. */
  subscription(id: string): Promise<string> {
    return this.#ask({ tag: 'SCHK' }, id)
  }

  async #ask(command: { readonly tag: 'TCHK' | 'SCHK' }, id: string): Promise<string> {
    try {
      return (await this.#client.request({ command, entityId: fromBase64url(id), key: this.#key })).status
    } catch (error) {
      if (error instanceof NtfReplyError) return `ERR ${error.code}`
      throw error
    }
  }
}

/** The ids of the subscriptions that the phone knows of. */
export async function subscriptionsOf({ state }: Pick<Phone, 'state'>): Promise<string[]> {
  return [...(await new Records(state).queues.all()).values()].map(({ id }) => id)
}
