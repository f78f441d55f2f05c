// Where there are sockets: TLS.
export { connectBlocks } from '@smpkit/smp-transport/internal'
