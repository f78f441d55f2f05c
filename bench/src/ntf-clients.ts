// Clients of the NTF protocol that subscribe queues, as fast as a server takes them.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import {
  authorizeNtf,
  type NtfClientEnd,
  type NtfCommand,
  type NtfResponse,
  packCommands,
  parseNtfAddress,
  receiveResponses,
} from '@smpkit/ntf-protocol'
import { connectNtf } from '@smpkit/ntf-protocol/transport'
import type { QueueSubscription } from '@smpkit/smp-client'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'

type Connection = BlockConnection<NtfClientEnd>

/** A verified registration. */
export interface Device {
  readonly tokenId: Uint8Array
  readonly key: PrivateKey<'ed25519'>
}

const none = new Uint8Array(0)

export const connect = (address: string): Promise<Connection> => connectNtf(parseNtfAddress(address))

const authorized = ({ session }: Connection, command: NtfCommand, entityId: Uint8Array, key: Device['key']) =>
  authorizeNtf(session, { corrId: randomBytes(24), entityId, command, key })

const packed = ({ session }: Connection, transmissions: readonly Uint8Array[]): Uint8Array[] =>
  packCommands(session.version, transmissions).map((block) => {
    if ('error' in block) throw new Error('a command does not fit')
    return block.content
  })

/** In the order in which they come, until there are so many. */
async function* responses(connection: Connection, count: number): AsyncGenerator<NtfResponse> {
  let left = count
  for await (const content of connection) {
    for (const received of receiveResponses(connection.session, content)) {
      if (!('response' in received)) throw new Error('expected a response')
      yield received.response
      left--
    }
    if (left <= 0) return
  }
  throw new Error('the connection ended')
}

async function request(connection: Connection, command: NtfCommand, entityId: Uint8Array, key: Device['key']) {
  const { transmission } = authorized(connection, command, entityId, key)
  for (const content of packed(connection, [transmission])) await connection.send(content)
  const { value } = await responses(connection, 1).next()
  return value
}

/** `codeOf` gives what a push would bring. */
export async function register(
  connection: Connection,
  codeOf: (tokenId: Uint8Array) => Promise<Uint8Array>,
): Promise<Device> {
  const key = PrivateKey.generate('ed25519')
  const dhKey = PrivateKey.generate('x25519').publicKey
  const token = new TextEncoder().encode(`device ${key.publicKey.toRaw()}`)
  const command = { tag: 'TNEW', provider: 'AN', token, authKey: key.publicKey, dhKey } as const
  const added = await request(connection, command, none, key)
  if (added?.tag !== 'IDTKN') throw new Error('expected an id')
  const tokenId = added.tokenId.slice()
  const verified = await request(connection, { tag: 'TVFY', code: await codeOf(tokenId) }, tokenId, key)
  if (verified?.tag !== 'OK') throw new Error('expected OK')
  return { tokenId, key }
}

/** Subscribes queues over one connection: what it returns sends the commands, which are signed now, and reads the answers. */
export function prepare(
  connection: Connection,
  { tokenId, key }: Device,
  server: ServerAddress,
  queues: readonly QueueSubscription[],
): { readonly run: () => Promise<void>; readonly length: number } {
  const signed = queues.map(({ id, key: notifierKey }) =>
    authorized(connection, { tag: 'SNEW', tokenId, server, notifierId: id, notifierKey }, none, key),
  )
  const contents = packed(
    connection,
    signed.map(({ transmission }) => transmission),
  )
  async function send() {
    for (const content of contents) await connection.send(content)
  }
  async function receive() {
    for await (const { tag } of responses(connection, queues.length)) {
      if (tag !== 'IDSUB') throw new Error(`expected an id, got ${tag}`)
    }
  }
  return {
    length: signed[0]?.authorized.length ?? 0,
    async run() {
      await Promise.all([send(), receive()])
    },
  }
}
