// Spec 03 §1: TCP through a SOCKS5 proxy (RFC 1928, 1929), which resolves the names.
import { connect, type Socket } from 'node:net'
import { domainToASCII } from 'node:url'
import { SocksClient } from 'socks'
import { longestTimer } from './deadline.js'
import { SmpTransportError } from './errors.js'

/** A SOCKS5 proxy, such as Tor's. */
export interface SocksProxy {
  /** IP address, or a name, which the system resolves as ever. */
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
  /** 1 to 255 bytes. Tor keeps connections with different user names or passwords apart. Default: no authentication. */
  readonly username?: string | undefined
  /** At most 255 bytes; some proxies want at least one. Default: empty. */
  readonly password?: string | undefined
  /**
   * What becomes of the `.onion` hosts of an address: `prefer`: they are tried before the others; `require`: they are the only ones;
   * `never`: for a proxy that is not Tor, they are left out. Default `prefer`.
   */
  readonly onion?: 'prefer' | 'require' | 'never' | undefined
}

const sizeOf = (text = '') => Buffer.byteLength(text)

function checkProxy({ port, username, password }: SocksProxy): void {
  const wrong = (expected: string) => new SmpTransportError('PROXY', `expected ${expected}`, { temporary: false })
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong('a port of the proxy from 1 to 65535')
  if (username === undefined && password !== undefined) throw wrong('a user name for the proxy with the password')
  if (username === '' || sizeOf(username) > 255) throw wrong('a user name for the proxy of 1 to 255 bytes')
  if (sizeOf(password) > 255) throw wrong('a password for the proxy of at most 255 bytes')
}

/** As the proxy gets it: a name outside of ASCII as the name servers know it, all else as it is. */
function destinationName(host: string): string {
  const name = /^\p{ASCII}*$/u.test(host) ? host : domainToASCII(host)
  if (name === '' || name.length > 255) throw new SmpTransportError('NETWORK', 'expected a name of at most 255 bytes')
  return name
}

/**
 * A TCP connection to `host` made by the proxy, which is who resolves the name. Destroyed when `cancelled` aborts.
 * @throws SmpTransportError `PROXY`, `PROXY_REFUSED`, `NETWORK`
 */
export async function socksConnect(
  proxy: SocksProxy,
  destination: { readonly host: string; readonly port: number },
  timeout: number,
  cancelled: AbortSignal,
): Promise<Socket> {
  checkProxy(proxy)
  const host = destinationName(destination.host)
  const socket = await proxySocket(proxy, cancelled)
  try {
    await SocksClient.createConnection({
      command: 'connect',
      proxy: {
        type: 5,
        host: proxy.host,
        port: proxy.port,
        ...(proxy.username !== undefined && { userId: proxy.username, password: proxy.password ?? '' }),
      },
      destination: { host, port: destination.port },
      existing_socket: socket,
      // Our own comes first, and says what took so long.
      timeout: Math.min(timeout + 1000, longestTimer),
    })
  } catch (error) {
    socket.destroy()
    throw refusal(error instanceof Error ? error.message : '')
  }
  if (socket.destroyed) throw refusal('closed')
  return socket
}

/** @throws SmpTransportError `PROXY` */
function proxySocket({ host, port }: SocksProxy, cancelled: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    cancelled.addEventListener('abort', () => socket.destroy())
    // For the socket's whole life: nobody else listens between the proxy's answer and TLS.
    socket.on('error', (cause) => reject(unreachable(cause)))
    socket.on('close', () => reject(unreachable(new Error('closed'))))
    socket.once('connect', () => resolve(socket))
  })
}

const unreachable = (cause: Error) =>
  new SmpTransportError('PROXY', `cannot reach the SOCKS proxy: ${cause.message}`, { cause })

/** The proxy's answers that say something of the host and not of us. */
const hostReplies: Readonly<Record<string, string>> = {
  Failure: 'general failure',
  NetworkUnreachable: 'network unreachable',
  HostUnreachable: 'host unreachable',
  ConnectionRefused: 'connection refused',
  TTLExpired: 'TTL expired',
  // Tor's own, of onion services.
  undefined: 'an error of its own',
}

/** From the message only: the library's error also has the password. */
function refusal(message: string): SmpTransportError {
  const reply = /^Socks5 proxy rejected connection - (\w+)$/.exec(message)?.[1]
  if (reply !== undefined) {
    const why = hostReplies[reply]
    if (why !== undefined) return new SmpTransportError('NETWORK', `the SOCKS proxy cannot reach the host: ${why}`)
    if (reply !== 'Granted') return new SmpTransportError('PROXY_REFUSED', `the SOCKS proxy refuses: ${reply}`)
  }
  if (/Authentication failed|no accepted authentication/.test(message)) {
    return new SmpTransportError('PROXY_REFUSED', 'the SOCKS proxy does not accept our authentication')
  }
  if (/closed/i.test(message)) return new SmpTransportError('PROXY', 'the SOCKS proxy ended the connection')
  return new SmpTransportError('PROXY', 'expected an answer of a SOCKS5 proxy, got something else')
}
