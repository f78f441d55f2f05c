// Where there are no sockets.
import type { connectBlocks as connectTls } from '@smpkit/smp-transport/internal'
import { NtfClientError } from './errors.js'

export const connectBlocks: typeof connectTls = async () => {
  throw new NtfClientError('CONNECT', 'expected the option `connect`: this platform has no default', {
    temporary: false,
  })
}
