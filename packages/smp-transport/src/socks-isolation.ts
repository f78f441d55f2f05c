// Spec 03 §1, SOCKS auth: connections of different users that a proxy keeps apart.
import { createHmac, randomBytes } from 'node:crypto'
import type { BlockConnection, ClientSession } from '@smpkit/smp-commands'
import { type ServerAddress, serverKey } from '@smpkit/smp-commands/address'
import { type ConnectOptions, connectSmp } from './connect.js'
import type { SocksProxy } from './socks.js'

export interface IsolatingProxy extends Omit<SocksProxy, 'username' | 'password'> {
  /**
   * `user`: connections of one user may share a circuit of Tor. `server`: those of one user to one server; no exit sees which servers a
   * user has, for the price of more circuits. Default `user`.
   */
  readonly isolation?: 'user' | 'server'
}

export interface UserConnectOptions extends ConnectOptions {
  /** Whose connection it is; any text. Default: the empty one. */
  userId?: string | undefined
}

/**
 * A `connect` for sessions and pools whose connections all go through a SOCKS5 proxy, with a user name for each user, so
 * that Tor uses another circuit for each. User names and passwords are made of a random secret of this call: the proxy learns neither
 * users nor servers from them, and they change with each start.
 */
export function connectThroughSocks(
  { isolation = 'user', ...proxy }: IsolatingProxy,
  common: Omit<ConnectOptions, 'socks'> = {},
): (server: ServerAddress, options?: UserConnectOptions) => Promise<BlockConnection<ClientSession>> {
  const secret = randomBytes(32)
  return (server, { userId = '', ...options } = {}) => {
    const who = JSON.stringify(isolation === 'user' ? [userId] : [userId, serverKey(server)])
    const username = createHmac('sha256', secret).update(who).digest('base64url')
    // Not empty: RFC 1929 wants at least one byte.
    const socks = { ...proxy, username, password: username }
    return connectSmp(server, { ...common, ...options, socks })
  }
}
