// Where there are sockets: TLS.
import type { NtfConnect } from './connect.js'
import { connectNtf } from './connect-ntf.js'

export const defaultConnect: NtfConnect = connectNtf
