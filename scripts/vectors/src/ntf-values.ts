// test-vectors/ntf/README.md: values of the NTF protocol, in which a server's fields stand in the value and a host is its text.
import { authKey, dhKey, privateAuthKey } from '@smpkit/crypto'
import { type Codec, decode, encode, shortBytes } from '@smpkit/encoding'
import type { NotifierQueue, NtfCommand, NtfResponse, ProviderTag } from '@smpkit/ntf-protocol'
import { parseHost, type ServerAddress } from '@smpkit/smp-commands/address'
import { Fields, type Json } from './case.js'
import { fromJson } from './values.js'

export function addressIn(value: Fields): ServerAddress {
  return {
    hosts: value.list('hosts').map((text) => parseHost(text as string)),
    port: value.text('port'),
    keyHash: value.bytes('keyHash'),
  }
}

export const addressOut = ({ hosts, ...rest }: ServerAddress) => ({ ...rest, hosts: hosts.map(({ text }) => text) })

export const queueIn = (value: Fields): NotifierQueue => ({
  server: addressIn(value),
  notifierId: value.bytes('notifierId'),
})

export const queueOut = ({ server, ...rest }: NotifierQueue) => ({ ...addressOut(server), ...rest })

export const deviceTokenIn = (value: Fields) => ({
  provider: value.text('provider') as ProviderTag,
  token: value.bytes('token'),
})

/** A key by its DER, through the codec of its field. */
const keyIn = <T>(codec: Codec<T>, value: Fields, name: string): T =>
  decode(codec, encode(shortBytes, value.bytes(name)))

/** The parameters of each command that has some. */
const params: Readonly<Record<string, (value: Fields) => object>> = {
  TNEW: (value) => ({
    ...deviceTokenIn(value),
    authKey: keyIn(authKey, value, 'authKey'),
    dhKey: keyIn(dhKey, value, 'dhKey'),
  }),
  TVFY: (value) => ({ code: value.bytes('code') }),
  TRPL: deviceTokenIn,
  TCRN: (value) => ({ minutes: value.number('minutes') }),
  SNEW: (value) => ({
    ...queueIn(value),
    tokenId: value.bytes('tokenId'),
    notifierKey: keyIn(privateAuthKey, value, 'notifierKey'),
  }),
}

export function commandIn(json: Json): NtfCommand {
  const value = new Fields(json)
  const tag = value.text('tag')
  return { tag, ...params[tag]?.(value) } as NtfCommand
}

export const commandOut = (command: NtfCommand) => (command.tag === 'SNEW' ? queueOut(command) : command)

export const responseIn = (json: Json): NtfResponse => fromJson(json) as NtfResponse
