// Where there are no sockets.
import type { NtfConnect } from './connect.js'
import { NtfClientError } from './errors.js'

export const defaultConnect: NtfConnect = async () => {
  throw new NtfClientError('CONNECT', 'expected the option `connect`: this platform has no default', {
    temporary: false,
  })
}
