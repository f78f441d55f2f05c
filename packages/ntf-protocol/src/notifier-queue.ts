// Spec 20 §6: which queue a subscription is for, in SNEW and as text.
import { type Codec, fromBase64url, mapped, shortBytes, toBase64url } from '@smpkit/encoding'
import {
  AddressError,
  parseServerAddress,
  type ServerAddress,
  serverAddress,
  serverAddressToText,
  withOnionHost,
} from '@smpkit/smp-commands/address'

export interface NotifierQueue {
  /** The port may be any text where it came in a command: see `portOf` of `@smpkit/smp-commands/address`. */
  readonly server: ServerAddress
  /** 24 bytes, given by the SMP server. */
  readonly notifierId: Uint8Array
}

/** Old names of public servers read as both of their hosts, so that one server is not taken for two. */
function updated(address: ServerAddress): ServerAddress {
  const hosts = withOnionHost(address.hosts)
  return hosts === address.hosts ? address : { ...address, hosts }
}

const server: Codec<ServerAddress> = mapped(serverAddress, updated, (address) => address)

/** The fields of a queue in a command. */
export const notifierQueueFields = { server, notifierId: shortBytes }

/** `smp://keyHash@host[,host][:port]/notifierId`. @throws AddressError if the port is no number */
export function notifierQueueToText({ server, notifierId }: NotifierQueue): string {
  return `${serverAddressToText(server)}/${toBase64url(notifierId)}`
}

/** @throws AddressError */
export function parseNotifierQueue(text: string): NotifierQueue {
  const slash = text.lastIndexOf('/')
  const { hosts, port, keyHash, password } = parseServerAddress(text.slice(0, Math.max(slash, 0)), 'smp')
  if (password !== null) throw new AddressError('expected the address of a queue without a password')
  return { server: updated({ hosts, port, keyHash }), notifierId: idOf(text.slice(slash + 1)) }
}

function idOf(text: string): Uint8Array {
  try {
    return fromBase64url(text)
  } catch (cause) {
    throw new AddressError('expected a notifier id in base64url', { cause })
  }
}
