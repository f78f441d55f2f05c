// Where there are no sockets.
import type { Connect } from './connect.js'
import { SmpClientError } from './errors.js'

export const defaultConnect: Connect = async () => {
  throw new SmpClientError('CONNECT', 'expected the option `connect`: this platform has no default', {
    temporary: false,
  })
}
